internal import ArgumentParser
internal import Micro
public import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// `micro subscribe`.
struct SubscribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subscribe",
        abstract: "Prints the events of a topic as they come.",
        discussion: """
            Each event is a line of JSON with the topic, the header and the body; a
            body that is not JSON stands as Base64 under the key "base64". It goes
            on until Ctrl-C, which is success.

              micro subscribe greetings
              micro subscribe greetings | jq .body
              micro subscribe jobs --queue workers
            """)

    @Argument(help: "The topic.")
    var topic: String

    @Option(
        help: ArgumentHelp("Of all subscribers with one queue, each event goes to one.", valueName: "name"))
    var queue: String?

    @OptionGroup var brokerOptions: BrokerOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await Session.reporting {
            try TopicText.check(topic)
            try await Session.untilStopped(try brokerOptions.sources(global)) { client, stop in
                let printer = EventPrinter(stop: stop)
                let subscription = try await client.subscribeRaw(
                    SubscriptionOptions(topic: topic, queue: queue)
                ) { printer.print($0.event) }
                await stop.wait()
                await subscription.cancel(deadline: .now + .seconds(5))
                try printer.check()
            }
        }
    }
}

/// Prints events, and ends the command when nobody reads any more.
private final class EventPrinter: Sendable {
    private let stop: Latch
    private let failure = Mutex<CommandFailure?>(nil)

    init(stop: Latch) { self.stop = stop }

    func print(_ event: BrokerEvent) -> Acknowledgement {
        do throws(CommandFailure) {
            try Output.write(json: EventText.line(of: event))
            return .ack
        } catch {
            failure.withLock { $0 = error }
            stop.open()
            return .nack()
        }
    }

    /// Throws why the events could not be printed.
    func check() throws(CommandFailure) {
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}

extension Plugin {
    /// `micro subscribe`.
    public static var subscribeCommand: Self {
        Plugin(.command, "subscribe") { _ in Command(SubscribeCommand.self, position: 70) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .subscribeCommand }
