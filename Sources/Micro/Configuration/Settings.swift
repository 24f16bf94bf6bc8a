internal import Configuration
import MicroCore

/// The configuration of a service or client, read from all its sources.
struct Settings: Sendable {
    /// A value, and what the person who set it calls it.
    struct Value: Sendable {
        let text: String
        let origin: String

        /// An error that says what is wrong with the value.
        func invalid(_ requirement: String) -> StartError {
            StartError(
                .invalidConfiguration,
                "\(origin) is \"\(text.printableAddress())\". It must be \(requirement).")
        }
    }

    private struct Source: Sendable {
        let variables: [String: String]
        let origin: @Sendable (_ variable: String) -> String
    }

    private let sources: [Source]

    /// The same for plugins.
    let reader: ConfigReader

    /// Reads all sources.
    ///
    /// - Parameters:
    ///   - sources: Where the configuration comes from.
    ///   - roles: The names of the roles that the catalogue has plugins for.
    /// - Throws: A ``StartError`` for a flag or file that can't be used.
    init(_ sources: ConfigurationSources, roles: Set<String>) throws(StartError) {
        let flags = try FlagParser(
            roles: roles.union(["registry", "transport", "broker", "selector", "codec"])
        )
        .parse(sources.arguments)
        var all = [
            Source(variables: Self.variables(sources.overrides)) { "The value in code of \($0)" },
            Source(variables: Self.variables(flags)) { variable in
                "--\(variable.dropFirst("MICRO_".count).lowercased())"
            },
            Source(variables: sources.environment) { $0 },
        ]
        if let path = all.lazy.compactMap({ $0.variables["MICRO_CONFIG_FILE"] }).first(where: { !$0.isEmpty })
        {
            all.append(
                Source(variables: try ConfigurationFile.read(path)) { "\($0) of the file \"\(path)\"" })
        }
        self.sources = all
        // One provider serves them all, since flags and file are spelled like variables.
        reader = ConfigReader(
            providers: all.map { source in
                EnvironmentVariablesProvider(
                    environmentVariables: source.variables.filter { !$0.value.isEmpty })
            })
    }

    private static func variables(_ values: [String: String]) -> [String: String] {
        var variables: [String: String] = [:]
        for (key, value) in values { variables["MICRO_" + ConfigurationFile.variable(key)] = value }
        return variables
    }

    /// Returns the value of a key, such as `client.retries`; an empty one counts as none.
    func value(_ key: String) -> Value? {
        let variable = "MICRO_" + ConfigurationFile.variable(key)
        for source in sources {
            if let text = source.variables[variable], !text.isEmpty {
                return Value(text: text, origin: source.origin(variable))
            }
        }
        return nil
    }

    /// Returns the text of a key.
    func string(_ key: String) -> String? { value(key)?.text }

    /// Returns a whole number within bounds.
    func integer(_ key: String, in bounds: ClosedRange<Int>, default defaultValue: Int) throws(StartError)
        -> Int
    {
        guard let value = value(key) else { return defaultValue }
        guard let number = Int(value.text), bounds.contains(number) else {
            throw value.invalid("a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
    }

    /// Returns how messages are compressed; not at all by default.
    func compression(_ key: String) throws(StartError) -> Compression {
        guard let value = value(key) else { return .identity }
        guard let compression = Compression(rawValue: value.text.lowercased()) else {
            throw value.invalid("gzip, deflate or identity")
        }
        return compression
    }

    /// Returns a duration within bounds.
    func duration(
        _ key: String, in bounds: ClosedRange<Duration>, default defaultValue: Duration
    ) throws(StartError) -> Duration {
        guard let value = value(key) else { return defaultValue }
        guard let duration = GoDuration.parse(value.text), bounds.contains(duration) else {
            throw value.invalid(
                "a duration such as 300ms, 5s or 1m30s, from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return duration
    }
}
