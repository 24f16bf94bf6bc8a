internal import ArgumentParser
internal import FoundationEssentials
internal import Micro

extension CompletionKind {
    /// Completes the name of a service from the registry that the environment chooses.
    static var services: CompletionKind {
        .custom { (_: [String], _: Int, _: String) async -> [String] in
            let sources = ConfigurationSources(environment: ProcessInfo.processInfo.environment)
            let names = try? await withMicroClient(MicroClient(configuration: sources)) { client in
                try await client.services()
            }
            // A shell that completes has no use for the reason why it can't.
            return names ?? []
        }
    }
}
