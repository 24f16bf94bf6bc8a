// What a newcomer gets wrong, and what the compiler must say to it.
import MicroDefaults

struct Plain: Sendable {}
struct Known: Codable { var name: String }

func mistakes() async throws {
    let service = MicroService("mistakes") {
        // expected: Requests and replies must be Codable, or Protobuf messages
        Endpoint("A.Unary") { (request: Plain, context) in Plain() }
        // expected: the closure must return the reply
        Endpoint("A.Forgotten") { (request: Known, context) in
            let name = request.name
            _ = Known(name: name)
        }
        // expected: Requests and replies must be Codable, or Protobuf messages
        Endpoint("A.Streams") { (requests: MessageStream<Plain>, replies: MessageWriter<Plain>, context) in
            for try await request in requests { try await replies.write(request) }
        }
        // expected: An event must be Codable, or a Protobuf message
        Subscriber("a") { (event: Plain, context) in print(event) }
    }
    // expected: An event must be Codable, or a Protobuf message
    try await service.publish("a", Plain())
    // expected: Requests and replies must be Codable, or Protobuf messages
    _ = try await service.client.call("a", "A.Unary", Plain(), returning: Plain.self)
}

/// A mistake in a body is still shown where it is.
func mistakeInABody() {
    _ = MicroService("mistakes") {
        // expected: incorrect argument label in call (have 'nome:', expected 'name:')
        Endpoint("A.Label") { (request: Known, context) in Known(nome: request.name) }
    }
}
