import Configuration
public import MicroCore

extension PluginContext {
    /// A context without configuration, for plugins that are tested by themselves.
    ///
    /// - Parameter role: The role of the plugin.
    /// - Returns: The context.
    public static func empty(role: String) -> PluginContext {
        PluginContext(
            root: ConfigReader(provider: InMemoryProvider(values: [:])), role: role,
            service: ServiceIdentity(name: "conformance", version: "1.0.0", nodeID: "conformance-1"))
    }
}
