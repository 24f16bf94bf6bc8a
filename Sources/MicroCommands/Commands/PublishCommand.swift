internal import ArgumentParser
internal import Micro
public import MicroCore

/// `micro publish`.
struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publishes an event.",
        discussion: """
            The event is JSON. Success means what the broker promises: with http,
            that the subscribers have taken it. If the broker knows that nobody
            subscribes to the topic, a line on standard error says so, which is no
            failure.

              micro publish greetings '{"message": "Hello!"}'
              echo '{"message": "Hello!"}' | micro publish greetings -
              micro publish greetings '{}' --metadata tenant=blue
              micro publish greetings '{}' --broker nats
            """)

    @Argument(help: "The topic.")
    var topic: String

    @Argument(help: ArgumentHelp("The event; - reads it from standard input.", valueName: "json"))
    var event = "{}"

    @Option(
        name: .customLong("metadata"),
        help: ArgumentHelp("Metadata to send along; may be given several times.", valueName: "key=value"))
    var metadata: [String] = []

    @OptionGroup var brokerOptions: BrokerOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await Session.reporting {
            try TopicText.check(topic)
            let json = event == "-" ? try StandardInput().read() : Array(event.utf8)
            do {
                try JSONLayout.check(json)
            } catch {
                throw CommandFailure("The event is not JSON: \(error).", .usage)
            }
            let options = PublishOptions(metadata: try MetadataText.parse(metadata))
            let topic = topic
            try await Session.running(try brokerOptions.sources(global), registry: nil) { client in
                do {
                    try await client.publishRaw(
                        topic, EncodedMessage(json), contentType: "application/json", options: options)
                } catch let error as MicroError where !Task.isCancelled {
                    throw CommandFailure(publishingTo: topic, error)
                }
                // The event is published; that the broker can't say to whom changes nothing.
                if let count = try? await client.receiverCount(of: topic), count == 0 {
                    Output.writeError("Nobody subscribes to \(topic.printable()): the event reached nobody.")
                }
            }
        }
    }
}

extension Plugin {
    /// `micro publish`.
    public static var publishCommand: Self {
        Plugin(.command, "publish") { _ in Command(PublishCommand.self, position: 60) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .publishCommand }
