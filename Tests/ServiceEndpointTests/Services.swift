import Micro
import MicroCodecJSON
import MicroCodecProtobuf
import MicroCore
import MicroDebug
import MicroHealth
import MicroReflection
import MicroRegistryMemory
import MicroTransportMemory
import SwiftProtobuf

/// A service on memory parts, with the components that a program gets by linking them.
func makeService(
    _ name: String = "shapes", peer: Peer? = nil, registry: (any Registry)? = nil,
    middleware: [Middleware] = [], environment: [String: String] = [:],
    @ServiceBuilder _ components: () -> [any ServiceComponent] = { [] }
) -> MicroService {
    MicroService(
        name, registry: registry ?? MemoryRegistry(), transport: PeerTransport(peer: peer),
        plugins: [.protobufCodec, .jsonCodec, .healthComponent, .reflectionComponent, .debugComponent],
        middleware: middleware,
        configuration: ConfigurationSources(
            environment: environment.merging(["MICRO_SERVER_DEREGISTRATION_DELAY": "0"]) { given, _ in given }
        ),
        components)
}

/// The memory transport, whose server believes its callers to be somebody else.
struct PeerTransport: Transport {
    let peer: Peer?
    private let base = MemoryTransport()

    init(peer: Peer?) { self.peer = peer }

    var nodeProtocol: NodeProtocol { base.nodeProtocol }
    var usesNamedAddresses: Bool { base.usesNamedAddresses }

    func prepare(_ context: PluginContext) throws { try base.prepare(context) }

    func listen(on address: ListenAddress, handler: any CallHandler) async throws -> any Listener {
        try await base.listen(on: address, handler: PeerHandler(base: handler, peer: peer))
    }

    func connect(to node: Node, as name: PeerName) async throws -> any Connection {
        try await base.connect(to: node, as: name)
    }
}

private struct PeerHandler: CallHandler {
    let base: any CallHandler
    let peer: Peer?

    func accept(_ head: CallHead) -> CallDecision {
        guard let peer else { return base.accept(head) }
        @Sendable func changed(_ head: CallHead) -> CallHead {
            var head = head
            head.peer = peer
            return head
        }
        switch base.accept(head) {
        case .unary(let run, let executionPolicy):
            return .unary(
                { head, message async throws(MicroError) in try await run(changed(head), message) },
                executionPolicy
            )
        case .serverStream(let run, let executionPolicy):
            return .serverStream(
                { head, message, stream async throws(MicroError) in
                    try await run(changed(head), message, stream)
                }, executionPolicy)
        case .stream(let run, let executionPolicy):
            return .stream(
                { head, stream async throws(MicroError) in try await run(changed(head), stream) },
                executionPolicy)
        case .refuse(let error):
            return .refuse(error)
        }
    }
}

/// An implementation of generated code.
struct Shapes: Shapes_V1_AllShapes.Service {
    func single(_ request: Shapes_V1_Text, context: RequestContext) async throws -> Shapes_V1_Text {
        if request.text == "fail" { throw MicroError(.failedPrecondition, "told to fail") }
        if let language = context.metadata["language"] {
            return .with { $0.text = "\(language): \(request.text)" }
        }
        return .with { $0.text = request.text.uppercased() }
    }

    func out(
        _ request: Shapes_V1_Text, replies: MessageWriter<Shapes_V1_Text>, context: RequestContext
    ) async throws {
        for character in request.text { try await replies.write(.with { $0.text = "\(character)" }) }
    }

    func `in`(
        _ requests: Micro.MessageStream<Shapes_V1_Text>, context: RequestContext
    ) async throws -> Shapes_V1_Text.Count {
        var count: Int32 = 0
        for try await _ in requests { count += 1 }
        return .with { $0.value = count }
    }

    func both(
        _ requests: Micro.MessageStream<Shapes_V1_Text>, replies: MessageWriter<Shapes_V1_Text>,
        context: RequestContext
    ) async throws {
        for try await request in requests { try await replies.write(request) }
    }

    func oldSingle(_ request: Shapes_V1_Text, context: RequestContext) async throws -> Shapes_V1_Text {
        request
    }

    func withoutComment(_ request: Shapes_V1_Text, context: RequestContext) async throws -> Shapes_V1_Text {
        request
    }

    func repeatable(_ request: Shapes_V1_Text, context: RequestContext) async throws -> Shapes_V1_Text {
        request
    }
}

func text(_ text: String) -> Shapes_V1_Text { .with { $0.text = text } }
