internal import Logging
import MicroCore
internal import Synchronization

/// What middleware and handlers have added to a call or an event.
///
/// Contexts make one when something is added, so that a call without costs no more than a load.
final class ContextAdditions: Sendable {
    private struct State {
        var values: [ObjectIdentifier: any Sendable] = [:]
        var metadata: Metadata?
        var principal: Principal??
        var logger: Logger?
        var callID: String?
    }

    private let state = Mutex(State())

    subscript<Key: ContextKey>(key: Key.Type) -> Key.Value? {
        get { state.withLock { $0.values[ObjectIdentifier(key)] as? Key.Value } }
        set { state.withLock { $0.values[ObjectIdentifier(key)] = newValue } }
    }

    /// The metadata in place of those that came.
    var metadata: Metadata? {
        get { state.withLock(\.metadata) }
        set { state.withLock { $0.metadata = newValue } }
    }

    /// The principal in place of the transport's, who may be nobody.
    var principal: Principal?? {
        get { state.withLock(\.principal) }
        set { state.withLock { $0.principal = newValue } }
    }

    /// Returns the logger; makes it when it is first asked for.
    func logger(_ make: () -> Logger) -> Logger {
        if let logger = state.withLock(\.logger) { return logger }
        let logger = make()
        state.withLock { $0.logger = logger }
        return logger
    }

    /// Returns the id of the call: what the caller calls it, or a number of our own.
    func callID(_ metadata: Metadata) -> String {
        state.withLock { state in
            if let id = state.callID { return id }
            let given = metadata["x-request-id"].map { $0.printable(limit: 128) } ?? ""
            let id = given.isEmpty ? Self.newID() : given
            state.callID = id
            return id
        }
    }

    private static func newID() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension Logger {
    /// Returns the logger with what tells a call or event from others.
    func tagged(_ key: String, _ name: String, callID: String, _ metadata: MicroCore.Metadata) -> Logger {
        var logger = self
        logger[metadataKey: key] = "\(name)"
        logger[metadataKey: LogKeys.call] = "\(callID)"
        if let traceID = metadata.traceID { logger[metadataKey: LogKeys.trace] = "\(traceID)" }
        if let parent = metadata.traceParent { logger[metadataKey: LogKeys.span] = "\(parent.spanID)" }
        return logger
    }
}
