public import MicroCore

/// A part that a test gives to the context of a handler.
///
/// ```swift
/// let context = RequestContext(endpoint: "Notes.Read", parts: [.part(.store, SQLiteStore(path: "test.db"))])
/// ```
public struct GivenPart: Sendable {
    let use: @Sendable (inout PartOverrides) -> Void

    /// Returns a part of a role.
    ///
    /// - Parameters:
    ///   - role: The role.
    ///   - part: The part, which is neither prepared nor run.
    /// - Returns: The part for a context.
    public static func part<Interface: Sendable>(_ role: PluginRole<Interface>, _ part: Interface) -> Self {
        Self { $0.use(role, part) }
    }
}

/// Where handlers find parts: among those of a running service, or of a test.
enum PartSource: Sendable {
    case service(PartResolver)
    case test(PartOverrides)

    /// Returns the part of a role to who answers a call.
    ///
    /// - Throws: Why there is none, as an error of the call that was surely not processed.
    func partForCalls<Interface: Sendable>(_ role: PluginRole<Interface>) throws(MicroError) -> Interface {
        switch self {
        case .service(let resolver): return try resolver.partForCalls(role)
        case .test(let given):
            guard let part = given.parts(of: role.name).first as? Interface else {
                throw MicroError(
                    .failedPrecondition,
                    "The context of this test has no \(role.name). Give it one: parts: [.part(.\(role.name), …)].",
                    processed: .no)
            }
            return part
        }
    }
}
