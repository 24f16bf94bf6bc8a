import MicroCore

/// Finds our flags among a program's arguments and leaves the others alone.
///
/// A flag is spelled like its variable without `MICRO_`: `--registry_address=…`, `--registry-address …`.
/// The program's own flags may stand beside ours. One that begins like ours (`--client_…`, `--server_…`,
/// `--register_…`, `--tls_…`) with an underscore but isn't known is taken for a spelling mistake.
struct FlagParser {
    private static let known: Set<String> = [
        "client", "client_compression", "client_request_timeout", "client_retries", "client_pool_size",
        "client_pool_ttl",
        "register_ttl", "register_interval",
        "server", "server_name", "server_version", "server_id", "server_address", "server_advertise",
        "server_metadata", "server_compression", "server_drain_timeout", "server_spread_delay",
        "server_max_connections", "server_handshake_timeout", "server_stall_timeout",
        "server_max_unread_bytes", "server_control_frames", "server_resets", "server_strict_fields",
        "proxy", "network", "network_address", "config_file",
        "tls_cert", "tls_key", "tls_ca", "tls_client_auth", "tls_name", "tls_insecure_skip_verify",
    ]

    /// The flags that may stand without a value, which is then `true`.
    private static let switches: Set<String> = ["tls_insecure_skip_verify"]

    private static let ownPrefixes = ["client_", "server_", "register_", "tls_"]

    /// The names of the roles that linked plugins have, which plugins are free to extend.
    let roles: Set<String>

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
            guard isOurs(name) else {
                try checkSpelling(String(spelling))
                continue
            }
            if parts.count == 2 {
                values[name] = String(parts[1])
            } else if let value = rest.first, !value.hasPrefix("--") {
                values[name] = value
                rest = rest.dropFirst()
            } else if Self.switches.contains(name) {
                values[name] = "true"
            } else {
                throw StartError(
                    .invalidConfiguration, "The flag --\(spelling) has no value. Write --\(spelling)=VALUE.")
            }
        }
        return values
    }

    private func isOurs(_ name: String) -> Bool {
        if Self.known.contains(name) || roles.contains(name) { return true }
        guard let underscore = name.firstIndex(of: "_") else { return false }
        return roles.contains(String(name[..<underscore]))
    }

    private func checkSpelling(_ spelling: String) throws(StartError) {
        guard let prefix = Self.ownPrefixes.first(where: spelling.hasPrefix) else { return }
        let similar = Self.known.filter { $0.hasPrefix(prefix) }.sorted().map { "--\($0)" }
        throw StartError(
            .invalidConfiguration,
            "The flag --\(spelling) is not known. Flags that begin so are "
                + "\(similar.joined(separator: ", ")).")
    }
}
