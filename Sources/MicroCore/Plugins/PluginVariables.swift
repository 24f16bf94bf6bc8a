public import Configuration

/// What operators have set, checked: a value that can't be used is a ``StartError`` that names the variable.
///
/// A plugin has them from ``PluginContext/variables``. Keys have points where variables have underscores: the key
/// `max.event.size` of a broker is `MICRO_BROKER_MAX_EVENT_SIZE`. An empty value counts as none.
///
/// It can be used from any thread.
public struct PluginVariables: Sendable {
    private let config: ConfigReader
    private let prefix: String

    /// Creates the variables of a scope.
    ///
    /// - Parameters:
    ///   - config: The configuration, scoped.
    ///   - prefix: What the names of the scope's variables begin with, such as `MICRO_BROKER_`.
    public init(_ config: ConfigReader, prefix: String) {
        self.config = config
        self.prefix = prefix
    }

    /// Returns the name of a variable, for messages.
    ///
    /// - Parameter key: The key.
    /// - Returns: The name, such as `MICRO_BROKER_ADDRESS`.
    public func name(_ key: String) -> String {
        prefix + key.uppercased().split(separator: ".").joined(separator: "_")
    }

    /// Returns a text.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - isSecret: Whether it must not be shown.
    /// - Returns: The text; `nil` if there is none.
    public func text(_ key: String, isSecret: Bool = false) -> String? {
        let text = config.string(
            forKey: ConfigKey(key.split(separator: ".").map(String.init)), isSecret: isSecret)
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Returns the parts of a text between commas and spaces.
    ///
    /// - Parameter key: The key.
    /// - Returns: The parts, none of them empty; `nil` if there is no text.
    public func list(_ key: String) -> [String]? {
        text(key)?.split { $0 == "," || $0 == " " }.map(String.init)
    }

    /// Returns a choice of two.
    ///
    /// - Parameter key: The key.
    /// - Returns: What `true`, `yes`, `on`, `1` and their opposites say; `nil` if there is no text.
    /// - Throws: A ``StartError`` if it is none of these.
    public func flag(_ key: String) throws(StartError) -> Bool? {
        switch text(key)?.lowercased() {
        case nil: nil
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: throw invalid(key, "true or false")
        }
    }

    /// Returns a whole number.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - range: The numbers that can be used.
    /// - Returns: The number; `nil` if there is no text.
    /// - Throws: A ``StartError`` if it is none of the range.
    public func number(_ key: String, in range: ClosedRange<Int>) throws(StartError) -> Int? {
        guard let text = text(key) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw invalid(key, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Returns a time, written as in `300ms`, `5s` and `1m30s`.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - range: The times that can be used.
    /// - Returns: The time; `nil` if there is no text.
    /// - Throws: A ``StartError`` if it is none of the range.
    public func duration(_ key: String, in range: ClosedRange<Duration>) throws(StartError) -> Duration? {
        guard let text = text(key) else { return nil }
        guard let duration = GoDuration.parse(text), range.contains(duration) else {
            throw invalid(
                key, "a duration such as 300ms or 5s, from \(range.lowerBound) to \(range.upperBound)")
        }
        return duration
    }

    /// Returns the error for a value that can't be used.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - wanted: What it takes, such as `a host and a port`.
    /// - Returns: The error, with the variable, its value without user and password, and what it takes.
    public func invalid(_ key: String, _ wanted: String) -> StartError {
        StartError(
            .invalidConfiguration,
            "\(name(key)) is \"\((text(key) ?? "").printableAddress())\"; it takes \(wanted).")
    }
}

extension PluginContext {
    /// The variables of the role: the key `address` of a registry is `MICRO_REGISTRY_ADDRESS`.
    public var variables: PluginVariables {
        PluginVariables(config, prefix: "MICRO_\(role.uppercased())_")
    }

    /// The variables that all roles share: the key `tls.ca` is `MICRO_TLS_CA`.
    public var sharedVariables: PluginVariables { PluginVariables(sharedConfig, prefix: "MICRO_") }

    /// How connections of the role are secured: by its own variables, such as `MICRO_REGISTRY_TLS_CA`, if any of
    /// them is set, or else by those that all roles share.
    ///
    /// - Returns: The certificates and verification; `nil` for plaintext.
    /// - Throws: A ``StartError`` if a value can't be used, or two contradict each other.
    public func tls() throws(StartError) -> TLSConfiguration? {
        if let own = try TLSConfiguration(variables) { return own }
        return try TLSConfiguration(sharedVariables)
    }
}
