// The three streaming shapes, between a service and its own client over HTTP/2 on the loopback.
// Run it with `swift run streaming`; it needs nothing else and ends by itself.
import MicroDefaults

struct Countdown: Codable { var from: Int }
struct Number: Codable { var value: Int }
struct Line: Codable { var text: String }

// The registry in memory is enough for a service that only talks to itself.
let service = MicroService("streams", address: "127.0.0.1:0", configuration: ["registry": "memory"]) {
    // One request, many replies: the call ends when the function returns.
    Endpoint("Streams.Count") { (request: Countdown, replies: MessageWriter<Number>, context) in
        for value in (0...max(0, request.from)).reversed() { try await replies.write(Number(value: value)) }
    }
    // Many requests, one reply.
    Endpoint("Streams.Sum") { (requests: MessageStream<Number>, context) in
        var sum = 0
        for try await number in requests { sum += number.value }
        return Number(value: sum)
    }
    // Many of both, at once or in turn.
    Endpoint("Streams.Shout") { (requests: MessageStream<Line>, replies: MessageWriter<Line>, context) in
        for try await line in requests { try await replies.write(Line(text: line.text.uppercased())) }
    }
}

try await service.withRunning { running in
    let client = running.client

    try await client.stream("streams", "Streams.Count", Countdown(from: 3), returning: Number.self) {
        numbers in
        for try await number in numbers { print("count: \(number.value)") }
    }

    let sum = try await client.stream(
        "streams", "Streams.Sum", sending: Number.self, returning: Number.self
    ) { numbers in
        for value in 1...4 { try await numbers.write(Number(value: value)) }
    }
    print("sum: \(sum.value)")

    try await client.stream(
        "streams", "Streams.Shout", sending: Line.self, returning: Line.self
    ) { requests, replies in
        for text in ["hello", "streams"] {
            try await requests.write(Line(text: text))
            if let reply = try await replies.next() { print("shout: \(reply.text)") }
        }
        try await requests.finish()
    }
}
