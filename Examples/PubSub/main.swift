// Events, subscriber and publisher in one program:
//
//     swift run pubsub                         # the subscriber; run several
//     swift run pubsub publish "Hello, John!"  # the publisher
//
// There is nothing to install: the embedded HTTP broker finds subscribers in the registry. Both sides move to
// NATS by variables alone:
//
//     MICRO_BROKER=nats MICRO_BROKER_ADDRESS=127.0.0.1:4222 swift run pubsub
//
// `micro publish greetings '{"message": "Hello!"}'` reaches the subscriber as well, and
// `micro subscribe greetings` shows what is published. A topic of your own can stand behind the rest:
// `pubsub publish "Hello!" news`.
import MicroDefaults

struct Greeting: Codable { var message: String }

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "publish" {
    let message = arguments.dropFirst().first ?? "Hello!"
    let topic = arguments.dropFirst(2).first ?? "greetings"
    await runProgram {
        try await withMicroClient(MicroClient(name: "pubsub")) { client in
            try await client.publish(topic, Greeting(message: message))
        }
    }
} else {
    let service = MicroService("pubsub") {
        // Of all subscribers with this queue, each event goes to one; without a queue, to all.
        Subscriber(arguments.first ?? "greetings", queue: "printers") { (event: Greeting, context) in
            print("\(context.topic): \(event.message)")
        }
    }
    await service.main()
}
