import MicroCore
internal import MicroPluginKit

/// Finds our flags among a program's arguments and leaves the others alone.
///
/// A flag is spelled like its variable without `MICRO_`: `--registry_address=…`, `--registry-address …`.
/// The program's own flags may stand beside ours. One that begins like ours (`--client_…`, `--server_…`,
/// `--register_…`, `--tls_…`) with an underscore but isn't known is taken for a spelling mistake, and so is one of a
/// role that is nearly a known one.
struct FlagParser {
    private static let ownPrefixes = ["client_", "server_", "register_", "tls_"]

    private let known: Set<String>

    /// The flags that may stand without a value, which is then `true`.
    private let switches: Set<String>

    /// The names of the roles, whose flags are ours also where no plugin that is linked declares them.
    private let roles: Set<String>

    /// Creates a parser.
    ///
    /// - Parameter catalogue: What may be set.
    init(_ catalogue: SettingCatalogue) {
        known = Set(catalogue.byKey.keys.map(SettingCatalogue.Entry.flag))
        switches = Set(catalogue.byKey.filter(\.value.isSwitch).keys.map(SettingCatalogue.Entry.flag))
        roles = catalogue.roles
    }

    /// Reads arguments.
    ///
    /// - Parameter arguments: The arguments without the program's name.
    /// - Returns: The values by the flags' names, with underscores.
    /// - Throws: A ``StartError`` for a flag of ours without a value, or with a spelling mistake.
    func parse(_ arguments: [String]) throws(StartError) -> [String: String] {
        var values: [String: String] = [:]
        var rest = arguments[...]
        while let argument = rest.popFirst(), argument != "--" {
            guard argument.hasPrefix("--") else { continue }
            let parts = argument.dropFirst(2).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let spelling = parts.first else { continue }
            let name = spelling.replacing("-", with: "_").lowercased()
            try checkSpelling(name, String(spelling))
            guard isOurs(name) else { continue }
            if parts.count == 2 {
                values[name] = String(parts[1])
            } else if let value = rest.first, !value.hasPrefix("--") {
                values[name] = value
                rest = rest.dropFirst()
            } else if switches.contains(name) {
                values[name] = "true"
            } else {
                throw StartError(
                    .invalidConfiguration, "The flag --\(spelling) has no value. Write --\(spelling)=VALUE.")
            }
        }
        return values
    }

    private func isOurs(_ name: String) -> Bool { known.contains(name) || isOfRole(name) }

    private func isOfRole(_ name: String) -> Bool {
        guard let underscore = name.firstIndex(of: "_") else { return roles.contains(name) }
        return roles.contains(String(name[..<underscore]))
    }

    private func checkSpelling(_ name: String, _ spelling: String) throws(StartError) {
        guard !known.contains(name) else { return }
        if isOfRole(name), let nearest = NearestName.find(name, among: known, limit: 2) {
            throw StartError(
                .invalidConfiguration, "The flag --\(spelling) is not known. Did you mean --\(nearest)?")
        }
        guard let prefix = Self.ownPrefixes.first(where: spelling.hasPrefix) else { return }
        let similar = known.filter { $0.hasPrefix(prefix) }.sorted().map { "--\($0)" }
        throw StartError(
            .invalidConfiguration,
            "The flag --\(spelling) is not known. Flags that begin so are "
                + "\(similar.joined(separator: ", ")).")
    }
}
