package import MicroCore

extension MicroService {
    /// Whether somebody asks for help on the command line.
    var isAskedForHelp: Bool {
        definition.configuration.arguments.prefix { $0 != "--" }.contains("--help")
    }

    /// What `--help` prints.
    ///
    /// - Throws: A ``StartError`` for a flag or file that can't be used.
    func help() throws(StartError) -> String {
        var configuration = definition.configuration
        configuration.arguments.removeAll { $0 == "--help" }
        let catalogue = SettingCatalogue(
            definition.plugins.withEngineSelectors, overrides: definition.overrides)
        let sources = try SettingSources(configuration, catalogue)
        let report = SettingReport(sources, catalogue, code: definition.defaults.settings)
        return SettingHelp(service: definition.defaults.name, report: report).description
    }
}

extension SettingReport {
    /// Looks up all settings of a program that uses some plugins.
    ///
    /// - Parameters:
    ///   - configuration: Where the values come from.
    ///   - plugins: The plugins.
    /// - Throws: A ``StartError`` for a flag or file that can't be used.
    package init(_ configuration: ConfigurationSources, plugins: Plugins) throws(StartError) {
        let catalogue = SettingCatalogue(plugins.withEngineSelectors, overrides: PartOverrides())
        self.init(try SettingSources(configuration, catalogue), catalogue)
    }
}
