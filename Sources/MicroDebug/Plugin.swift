internal import Micro
public import MicroCore

extension Plugin {
    /// go-micro's Debug endpoints of every service; `MICRO_DEBUG` says who may call them.
    public static var debugComponent: Self {
        Plugin(
            .component, "debug",
            settings: CallerRule.settings(
                "debug",
                "go-micro's Debug endpoints: log and traces are for callers on the same machine, or with `open` for everybody"
            )
                + [isTracing.declaration],
            summary: "go-micro's Debug: health, stats, log and trace"
        ) { context in
            let rule = try CallerRule("debug", context)
            guard !rule.isOff else { return NoComponent() }
            return DebugComponent(rule: rule, isTracing: try context.settings[isTracing])
        }
    }

    private static let isTracing = Setting(
        "debug.trace", .flag, default: false, scope: .shared, "whether calls are recorded for `Debug.Trace`")
}

/// The endpoints, with what feeds them.
///
/// Recording calls costs each of them some time, so it is done only where it is asked for.
struct DebugComponent: ServiceComponent {
    let rule: CallerRule
    let isTracing: Bool

    func contribute(to contents: inout ServiceContents) {
        let recorder = isTracing ? SpanRecorder() : nil
        let service = DebugService(rule: rule, buffer: .shared, recorder: recorder)
        Debug_Debug.Endpoints(service).asInternal().contribute(to: &contents)
        contents.add(logHandler: { DebugLogHandler(forServiceLog: $0) })
        if let recorder { contents.add(middleware: .server(recorder)) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .debugComponent }
