public import ArgumentParser
internal import FoundationEssentials
internal import Micro
internal import MicroCore

extension CompletionKind {
    /// Completes the name of a service from the registry that the command line and the environment choose.
    public static var services: CompletionKind {
        .custom { (words: [String], _: Int, _: String) async -> [String] in
            await complete(words) { client, _ in try await client.services() }
        }
    }

    /// Completes the name of an endpoint of the service in front of it.
    public static var endpoints: CompletionKind {
        .custom { (words: [String], index: Int, _: String) async -> [String] in
            await complete(words.prefix(index)) { client, words in
                guard let service = words.positionals.last else { return [] }
                let records = try await client.lookup(service)
                return Set(records.flatMap { $0.endpoints ?? [] }.map(\.name)).sorted()
            }
        }
    }

    /// Completes the name of a plugin.
    ///
    /// - Parameter role: The name of the plugin's role.
    /// - Returns: The kind of completion.
    public static func plugins(of role: String) -> CompletionKind {
        .custom { (_: [String], _: Int, _: String) in
            Plugins.linked.plugins(of: role).flatMap { [$0.name] + $0.aliases }.sorted()
        }
    }

    private static func complete(
        _ words: some Sequence<String>,
        _ names: (MicroClient, CommandWords) async throws -> [String]
    ) async -> [String] {
        Log.disable()
        let words = CommandWords(words.dropFirst(), valued: await ValuedOptions.linked())
        let options = ["registry", "registry_address"].compactMap { name in
            words.values[name].map { "--\(name)=\($0)" }
        }
        let client = MicroClient(
            configuration: ConfigurationSources(
                arguments: options, environment: ProcessInfo.processInfo.environment))
        // A shell that completes has no use for the reason why it can't.
        return ((try? await withMicroClient(client) { try await names($0, words) }) ?? [])
            .filter(isPlainWord)
    }

    /// Whether a shell takes a word as it is.
    ///
    /// Anybody on the network names a service, and bash expands what it completes: it would run `$(command)`.
    private static func isPlainWord(_ word: String) -> Bool {
        !word.isEmpty && !word.hasPrefix("-")
            && word.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "."), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }
}
