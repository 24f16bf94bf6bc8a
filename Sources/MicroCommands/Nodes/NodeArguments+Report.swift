internal import Micro
internal import MicroCore

extension NodeArguments {
    /// Asks each node of a service and prints what they say.
    ///
    /// - Parameters:
    ///   - global: The options of all commands.
    ///   - format: How it is printed.
    ///   - columns: What each node is asked for, as the table's headings.
    ///   - endpoint: What a node must serve, to name where it doesn't.
    ///   - ask: Asks a node.
    /// - Throws: The exit status: of the first node that isn't well, if there is one.
    func report(
        _ global: GlobalOptions, _ format: OutputFormat, columns: [String], endpoint: String,
        _ ask: @escaping @Sendable (MicroClient, NodeTarget) async throws -> NodeAnswers
    ) async throws {
        let service = service
        try await perform(global) { client, targets in
            var report = NodeReport(columns: columns)
            for target in targets {
                do {
                    let answers = try await ask(client, target)
                    report.add(target, answers.all, failure: answers.failure)
                } catch {
                    report.add(target, error, endpoint: endpoint)
                }
            }
            try format.print(text: report.text(service: service), json: report.json(service: service))
            if let failure = report.failure { throw CommandFailure(nil, failure) }
        }
    }
}

/// What a node has answered to a command that reports on all nodes.
struct NodeAnswers {
    /// An answer for each column.
    let all: [NodeReport.Answer]

    /// How the program ends if the node isn't well.
    var failure: ExitStatus?
}
