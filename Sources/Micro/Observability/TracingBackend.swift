public import MicroCore
public import Tracing

/// Where the spans of a service or client go: a tracer of swift-distributed-tracing with a lifecycle of its own.
///
/// Without one among its parts a service takes what the program has bootstrapped swift-distributed-tracing with, when it
/// starts. Where there is none either, no span is made; the fields of a trace that come with a call are carried on all
/// the same.
public protocol TracingBackend: Part {
    /// What makes spans; `nil` while the back end is switched off, which costs calls nothing.
    ///
    /// It is asked once, after ``Part/prepare(_:)``.
    var tracer: (any Tracer)? { get }
}

extension PluginRole where Interface == any TracingBackend {
    /// Where spans go, chosen with `MICRO_TRACING`; a linked back end is used unless another is chosen.
    public static var tracing: Self {
        PluginRole("tracing", preferring: ["otlp"], meaning: "where the spans of traces go")
    }
}
