public import ArgumentParser
public import Micro
internal import MicroCore

/// The options of the commands that send or receive events.
public struct BrokerOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "How events travel: http, or another broker that 'micro plugins' lists.", valueName: "name"),
        completion: .plugins(of: "broker"))
    var broker: String?

    @Option(
        name: [.customLong("broker_address"), .customLong("broker-address")],
        help: ArgumentHelp(
            "The addresses of the broker's servers, with commas between them; for http, where to listen.",
            valueName: "host:port"))
    var brokerAddress: String?

    /// Creates the options, for the parser of arguments.
    public init() {}

    /// Returns the configuration of the client: these options go before all else.
    ///
    /// - Parameter global: The options of all commands.
    /// - Returns: The configuration.
    /// - Throws: A failure if the registry or the broker has no plugin.
    public func sources(_ global: GlobalOptions) throws(CommandFailure) -> ConfigurationSources {
        try PluginOption.check(.broker, broker, option: "--broker")
        var sources = try global.sources()
        if let broker { sources.arguments.append("--broker=\(broker)") }
        if let brokerAddress { sources.arguments.append("--broker_address=\(brokerAddress)") }
        return sources
    }
}
