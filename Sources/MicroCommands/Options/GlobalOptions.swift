public import ArgumentParser
internal import FoundationEssentials
public import Micro
internal import MicroCore

/// The options that every command which asks a registry has.
public struct GlobalOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "Where services are found: mdns, or another registry that 'micro plugins' lists.",
            valueName: "name"), completion: .plugins(of: "registry"))
    var registry: String?

    @Option(
        name: [.customLong("registry_address"), .customLong("registry-address")],
        help: ArgumentHelp(
            "The addresses of the registry's servers, with commas between them.", valueName: "host:port"))
    var registryAddress: String?

    /// Creates the options, for the parser of arguments.
    public init() {}

    /// Returns the configuration of the client: these options, then the environment, then the file that it names.
    ///
    /// - Returns: The configuration.
    /// - Throws: A failure if the registry has no plugin.
    public func sources() throws(CommandFailure) -> ConfigurationSources {
        try PluginOption.check(.registry, registry, option: "--registry")
        var arguments: [String] = []
        if let registry { arguments.append("--registry=\(registry)") }
        if let registryAddress { arguments.append("--registry_address=\(registryAddress)") }
        return ConfigurationSources(
            arguments: arguments, environment: ProcessInfo.processInfo.environment)
    }
}
