internal import FoundationEssentials
internal import Micro
internal import MicroCore
internal import MicroPluginKit

/// What the registry knows of the service that is called, for errors that help.
struct ServiceDescription: Sendable {
    private let records: [ServiceRecord]

    /// Asks the registry.
    ///
    /// - Parameters:
    ///   - service: The service.
    ///   - client: The client.
    ///   - limit: How long the call may take, if that is bounded.
    /// - Throws: A `MicroError` if the registry does not answer.
    init(of service: String, _ client: MicroClient, within limit: Duration?) async throws {
        guard let limit else {
            records = try await client.lookup(service)
            return
        }
        guard let found = try await withTimeLimit(limit, { try await client.lookup(service) }) else {
            throw MicroError(.deadlineExceeded, "The registry did not answer in time.", processed: .no)
        }
        records = found
    }

    private var endpoints: [EndpointRecord] { records.flatMap { $0.endpoints ?? [] } }

    /// The records of an endpoint, one for each version that has it.
    private func records(of endpoint: String) -> [EndpointRecord] {
        let name = EndpointText.dotted(endpoint)
        return endpoints.filter { $0.name == name }
    }

    /// Whether the endpoint is known to stream in each version.
    func isStreaming(_ endpoint: String) -> Bool {
        let found = records(of: endpoint)
        return !found.isEmpty && found.allSatisfy { $0.metadata?["stream"] == "true" }
    }

    /// Checks a request that a person has written.
    ///
    /// - Parameters:
    ///   - json: The request, which is valid JSON.
    ///   - endpoint: The endpoint.
    /// - Throws: A failure if no version of the endpoint has such a request.
    func check(_ json: [UInt8], for endpoint: String) throws(CommandFailure) {
        let schemas = records(of: endpoint).compactMap(\.request).map(RequestSchema.init)
        guard let tree = try? JSONDecoder().decode(JSONTree.self, from: Data(json)) else { return }
        var fault: RequestSchema.Fault?
        for schema in schemas {
            do {
                try schema.check(tree)
                return
            } catch {
                fault = error
            }
        }
        guard let fault else { return }
        throw CommandFailure("\(fault.message)\n--allow-unknown-fields sends it all the same.", .usage)
    }

    /// What the user may have meant by an endpoint that the service doesn't have, as a question.
    func question(endpoint: String) -> String {
        Suggestion.question(EndpointText.dotted(endpoint), among: Set(endpoints.map(\.name)))
    }

    /// What the user may have meant by a service that isn't there, as a question.
    func question(service: String, _ client: MicroClient) async -> String {
        guard records.isEmpty, let names = try? await client.services() else { return "" }
        return Suggestion.question(service, among: names)
    }
}
