public import MicroCore
internal import Synchronization

/// What is known of an endpoint before any call of it arrives.
public final class EndpointInfo: Sendable {
    /// The canonical name, `Type.Method`, whatever path a caller used.
    ///
    /// Of two endpoints with the same type and method in different packages, it begins with the
    /// package.
    public let name: String

    /// The name with its package, such as `greeter.Greeter.Hello`.
    public let fullName: String

    /// Whether the endpoint belongs to the infrastructure; see ``Endpoint/Options/isInternal``.
    public let isInternal: Bool

    /// Whether requests and replies are single messages or streams.
    public let shape: CallShape

    /// The service that has the endpoint.
    public let service: ServiceIdentity

    /// How replies are compressed, for callers that understand it and unless a handler chooses otherwise.
    public let compression: Compression

    /// What limits the calls, if anything does.
    let admission: Admission?

    private let started = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)

    init(
        name: String, fullName: String, isInternal: Bool, shape: CallShape, service: ServiceIdentity,
        compression: Compression, admission: Admission? = nil
    ) {
        self.name = name
        self.fullName = fullName
        self.isInternal = isInternal
        self.shape = shape
        self.service = service
        self.compression = compression
        self.admission = admission
    }

    /// The number of calls that have begun.
    public var callCount: Int { started.load(ordering: .relaxed) }

    /// The number of calls that have ended with an error.
    public var errorCount: Int { failed.load(ordering: .relaxed) }

    /// What the protection against overload does at the moment; `nil` if nothing limits the endpoint.
    ///
    /// Calls that were refused count in none of the other numbers.
    public var overload: OverloadStatistics? { admission?.statistics }

    func countCall() { started.wrappingAdd(1, ordering: .relaxed) }

    func countError() { failed.wrappingAdd(1, ordering: .relaxed) }
}
