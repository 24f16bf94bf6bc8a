public import MicroCore

extension PluginContext {
    /// A context for plugins that are tested by themselves.
    ///
    /// - Parameters:
    ///   - role: The name of the plugin's role.
    ///   - variables: What is set, such as `MICRO_STORE_CAPACITY`.
    ///   - resolver: Finds the part of another role.
    /// - Returns: The context.
    public static func testing(
        role: String, variables: [String: String] = [:],
        resolver: @escaping @Sendable (_ role: String) throws -> (any Sendable)? = { _ in nil }
    ) -> PluginContext {
        PluginContext(
            settings: Settings(variables: variables), role: role,
            service: ServiceIdentity(name: "conformance", version: "1.0.0", nodeID: "conformance-1"),
            resolver: resolver)
    }
}
