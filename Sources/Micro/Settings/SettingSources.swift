internal import Configuration
import MicroCore

/// The configuration of a service or client, read from all its sources.
struct SettingSources: Sendable {
    private struct Source: Sendable {
        let variables: [String: String]
        let origin: @Sendable (_ variable: String) -> String
    }

    /// Those in whose values one can look around, in the order of their precedence.
    private let sources: [Source]

    /// The path of the configuration file, if there is one.
    let file: String?

    /// The settings, which all parts read.
    let settings: Settings

    /// Reads all sources.
    ///
    /// - Parameters:
    ///   - sources: Where the configuration comes from.
    ///   - catalogue: What may be set.
    /// - Throws: A ``StartError`` for a flag or file that can't be used.
    init(_ sources: ConfigurationSources, _ catalogue: SettingCatalogue) throws(StartError) {
        let flags = try FlagParser(catalogue).parse(sources.arguments)
        let overrides = Source(variables: Self.variables(sources.overrides)) { "The value in code of \($0)" }
        let arguments = Source(variables: Self.variables(flags)) { variable in
            "--\(variable.dropFirst("MICRO_".count).lowercased())"
        }
        let environment = Source(
            variables: sources.environment.filter { $0.key.hasPrefix("MICRO_") }, origin: { $0 })
        let reader = sources.reader.map { ConfigReaderSource(reader: $0) }
        let named = [overrides, arguments, environment]
        let path =
            named.lazy.compactMap { $0.variables["MICRO_CONFIG_FILE"] }.first { !$0.isEmpty }
            ?? reader?.text("config.file")
        let file = try path.map { path throws(StartError) in
            Source(variables: try ConfigurationFile.read(path)) { "\($0) of the file \"\(path)\"" }
        }
        self.file = path
        self.sources = named + (file.map { [$0] } ?? [])
        settings = Settings { key in
            let variable = Settings.variable(of: key)
            func given(_ source: Source) -> Settings.Given? {
                guard let text = source.variables[variable], !text.isEmpty else { return nil }
                return Settings.Given(text, origin: source.origin(variable))
            }
            return named.lazy.compactMap(given).first ?? reader?.given(key) ?? file.flatMap(given)
        }
    }

    /// The variables that are set where one can look around, with what those who set them call them.
    var origins: [(variable: String, origin: String)] {
        var seen: Set<String> = []
        return sources.flatMap { source in
            source.variables.filter { !$0.value.isEmpty && seen.insert($0.key).inserted }.keys
                .map { (variable: $0, origin: source.origin($0)) }
        }
        .sorted { $0.variable < $1.variable }
    }

    private static func variables(_ values: [String: String]) -> [String: String] {
        var variables: [String: String] = [:]
        for (key, value) in values { variables[Settings.variable(of: key)] = value }
        return variables
    }
}

/// A reader that the program brings, with keys such as `micro.registry.address`.
private struct ConfigReaderSource: Sendable {
    let reader: ConfigReader

    func text(_ key: String) -> String? {
        // Whether a value is secret matters to the reader's access log alone, and nothing of ours belongs in there.
        let text = reader.string(
            forKey: ConfigKey(["micro"] + key.split(separator: ".").map(String.init)), isSecret: true)
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }

    func given(_ key: String) -> Settings.Given? {
        text(key).map { Settings.Given($0, origin: "The configuration's micro.\(key)") }
    }
}
