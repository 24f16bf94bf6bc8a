internal import ArgumentParser
internal import Micro
public import MicroCore
internal import MicroDebug
internal import SwiftProtobuf

/// `micro stats`.
struct StatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Asks each node of a service what it has used and done.",
        discussion: """
            When it was started (UTC), how long it has run, its memory and threads,
            the time that a garbage collector took where there is one, and how many
            calls it has had and how many of them ended with an error.

              micro stats greeter
              micro stats greeter -o json
            """)

    private static let columns = ["STARTED", "UPTIME", "MEMORY", "THREADS", "GC", "REQUESTS", "ERRORS"]

    @OptionGroup var nodes: NodeArguments
    @OptionGroup var output: OutputOption
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let format = output.format
        try await nodes.report(global, format, columns: Self.columns, endpoint: "Debug.Stats") {
            client, target in
            let debug = Debug_Debug.Client(client, service: target.service)
            return NodeAnswers(
                all: Self.answers(try await target.ask { try await debug.stats(.init(), options: $0) }))
        }
    }

    private static func answers(_ stats: Debug_StatsResponse) -> [NodeReport.Answer] {
        let started = Int64(clamping: stats.started)
        return [
            .init(
                text: TimeText.of(seconds: started), key: "started",
                value: .string(TimeText.rfc3339(seconds: started))),
            .init(
                text: DurationText.of(seconds: stats.uptime), key: "uptime_seconds",
                value: .integer(stats.uptime)),
            .init(text: megabytes(stats.memory), key: "memory_bytes", value: .integer(stats.memory)),
            .init(text: "\(stats.threads)", key: "threads", value: .integer(stats.threads)),
            .init(text: "\(stats.gc)ns", key: "gc_nanoseconds", value: .integer(stats.gc)),
            .init(text: "\(stats.requests)", key: "requests", value: .integer(stats.requests)),
            .init(text: "\(stats.errors)", key: "errors", value: .integer(stats.errors)),
        ]
    }

    /// A text such as `2.10mb`.
    private static func megabytes(_ bytes: UInt64) -> String {
        let hundredths = bytes / (1 << 20) * 100 + bytes % (1 << 20) * 100 / (1 << 20)
        let rest = "\(hundredths % 100)"
        return "\(hundredths / 100).\(rest.count < 2 ? "0" : "")\(rest)mb"
    }
}

extension Plugin {
    /// `micro stats`.
    public static var statsCommand: Self {
        Plugin(.command, "stats") { _ in Command(StatsCommand.self, position: 90) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .statsCommand }
