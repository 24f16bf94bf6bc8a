internal import ArgumentParser
internal import Micro
public import MicroCore
internal import MicroDebug
internal import SwiftProtobuf

/// `micro logs`.
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Prints what the nodes of a service have logged.",
        discussion: """
            Prints the last lines of each node, the oldest first, and with -f those
            that follow, until Ctrl-C, which is success. Of several nodes each line
            has its node's id in front. As JSON each line is an object, with its time
            as RFC 3339 has it. A service answers callers on its own machine, unless
            MICRO_DEBUG or MICRO_DEBUG_CALLERS of the service says otherwise.

              micro logs greeter
              micro logs -f -n 100 greeter
              micro logs greeter --since 5m -o json
            """)

    @Flag(name: .shortAndLong, help: "Go on with the lines that follow.")
    var follow = false

    @Option(
        name: [.customShort("n"), .long],
        help: ArgumentHelp("How many lines of each node to print at most.", valueName: "number"))
    var lines = 15

    @Option(help: ArgumentHelp("Only lines that are not older, such as 5m.", valueName: "duration"))
    var since: String?

    @OptionGroup var output: OutputOption
    @OptionGroup var nodes: NodeArguments
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...1_000_000).contains(lines) else {
            throw ValidationError("--lines is \(lines). It must be a number from 1 to 1000000.")
        }
    }

    func run() async throws {
        let request = try await prepared()
        let (format, service) = (output.format, nodes.service)
        try await nodes.perform(global, isEndless: follow) { client, targets in
            let debug = Debug_Debug.Client(client, service: service)
            let failures = await withTaskGroup(of: (NodeTarget, any Error)?.self) { group in
                for target in targets {
                    // One node's lines, side by side with the others'; with -f they end with the node or the
                    // command.
                    group.addTask {
                        do {
                            try await Self.print(request, of: target, debug, format, named: targets.count > 1)
                            return nil
                        } catch {
                            return (target, error)
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }.compactMap(\.self)
            }
            // A signal has ended the calls; that is no failure of the nodes.
            if !Task.isCancelled { try Self.report(failures) }
        }
    }

    private func prepared() async throws -> Debug_LogRequest {
        var request = Debug_LogRequest()
        request.service = nodes.service
        request.stream = follow
        request.count = Int64(lines)
        let (since, now) = (since, TimeText.now)
        try await Session.reporting {
            guard let age = try DurationText.parse(since, option: "--since") else { return }
            request.since = max(0, now - age.components.seconds)
        }
        return request
    }

    private static func print(
        _ request: Debug_LogRequest, of target: NodeTarget, _ debug: Debug_Debug.Client,
        _ format: OutputFormat,
        named: Bool
    ) async throws {
        try await target.ask { options in
            try await debug.log(request, options: options) { records in
                for try await record in records {
                    switch format {
                    case .text: try Output.write(LogLine.text(of: record, node: named ? target.id : nil))
                    case .json: try Output.write(json: LogLine.json(of: record, node: target.id))
                    }
                }
            }
        }
    }

    /// Tells which nodes gave no log, and why.
    private static func report(_ failures: [(NodeTarget, any Error)]) throws {
        guard let (_, first) = failures.first else { return }
        if let failure = first as? CommandFailure { throw failure }
        for (target, error) in failures {
            let (reason, _) = NodeReport.explain(error, endpoint: "Debug.Log")
            Output.writeError("\(target.id.printable()): \(reason.printable())")
        }
        throw CommandFailure(nil, NodeReport.explain(first, endpoint: "Debug.Log").status)
    }
}

extension Plugin {
    /// `micro logs`.
    public static var logsCommand: Self {
        Plugin(.command, "logs") { _ in Command(LogsCommand.self, position: 100) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .logsCommand }
