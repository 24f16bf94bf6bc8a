public import Configuration
internal import FoundationEssentials

/// Where the configuration of a service or client comes from.
///
/// In order of precedence: values in code, flags, environment, the program's own ``reader``, file, and the defaults that each part has. A part that is
/// given in code, such as `registry:`, is not chosen by any of them.
///
/// ```swift
/// MicroService("greeter", configuration: ["registry.address": "10.0.0.1:2379"]) { … }
/// ```
public struct ConfigurationSources: Sendable {
    /// The arguments of the program without its name, among which our flags may be.
    public var arguments: [String]

    /// The environment's variables.
    public var environment: [String: String]

    /// Values in code, which go before all others, by keys such as `registry.address`.
    public var overrides: [String: String]

    /// A reader of the program's own, such as one of a secrets provider, with keys such as `micro.registry.address`.
    ///
    /// Values are read when a service or client starts, and not again.
    public var reader: ConfigReader?

    /// Creates sources in which nothing is set: not even what the process was started with counts.
    public init() { self.init(arguments: []) }

    /// Creates sources.
    ///
    /// - Parameters:
    ///   - arguments: The arguments of the program without its name.
    ///   - environment: The environment's variables.
    ///   - overrides: Values in code, which go before all others.
    ///   - reader: A reader of the program's own, with keys such as `micro.registry.address`.
    public init(
        arguments: [String] = [], environment: [String: String] = [:], overrides: [String: String] = [:],
        reader: ConfigReader? = nil
    ) {
        self.arguments = arguments
        self.environment = environment
        self.overrides = overrides
        self.reader = reader
    }

    /// What the process was started with: its arguments and its environment.
    public static var process: Self {
        Self(
            arguments: Array(CommandLine.arguments.dropFirst()),
            environment: ProcessInfo.processInfo.environment)
    }
}

extension ConfigurationSources: ExpressibleByDictionaryLiteral {
    /// Creates what the process was started with, and values in code that go before it.
    public init(dictionaryLiteral elements: (String, String)...) {
        self = .process
        for (key, value) in elements { overrides[key] = value }
    }
}
