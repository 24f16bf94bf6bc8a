internal import ArgumentParser
internal import FoundationEssentials
internal import Micro
internal import MicroCore

/// The options that every command which asks a registry has.
struct GlobalOptions: ParsableArguments {
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

    /// The configuration of the client: these options, then the environment, then the file that it names.
    ///
    /// - Throws: A failure if the registry has no plugin.
    func sources() throws(CommandFailure) -> ConfigurationSources {
        try PluginOption.check(.registry, registry, option: "--registry")
        var arguments: [String] = []
        if let registry { arguments.append("--registry=\(registry)") }
        if let registryAddress { arguments.append("--registry_address=\(registryAddress)") }
        return ConfigurationSources(
            arguments: arguments, environment: ProcessInfo.processInfo.environment)
    }
}
