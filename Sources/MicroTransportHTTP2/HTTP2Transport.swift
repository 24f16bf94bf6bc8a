public import MicroCore
import MicroGRPC

/// gRPC over HTTP/2: the transport that speaks to every gRPC peer, and to go-micro's.
public final class HTTP2Transport: Transport {
    private let server: GRPCServerConfiguration
    private let client: GRPCClientConfiguration

    /// Creates the transport.
    public init() {
        server = GRPCServerConfiguration()
        client = GRPCClientConfiguration()
    }

    /// The pair (`grpc`, `grpc`).
    public var nodeProtocol: NodeProtocol { .grpc }

    public func listen(on address: ListenAddress, handler: any CallHandler) async throws -> any Listener {
        try await GRPCListener.open(on: address, handler: handler, configuration: server)
    }

    public func connect(to node: Node, as name: PeerName) async throws -> any Connection {
        try await GRPCConnection.open(to: node.address, as: name, configuration: client)
    }
}
