import Logging
public import MicroCore
import MicroGRPC
import MicroHTTP2
import MicroPluginKit
import MicroTLS
import Synchronization

/// gRPC over HTTP/2: the transport that speaks to every gRPC peer, and to go-micro's.
///
/// It is chosen by linking its product: a server listens with it, and a client uses it for all nodes
/// that speak `grpc`. Without TLS it speaks HTTP/2 in plaintext with prior knowledge.
///
/// ```swift
/// MicroService("greeter", transport: .grpc(.init(tls: tls))) { … }
/// ```
///
/// ## Calls
///
/// - A stream that the peer refused, one above its GOAWAY's last stream and one that was never written
///   are surely not processed; all other failures may be.
/// - Header fields with more than ``Configuration/maximumHeaderListSize`` bytes and messages with more
///   than ``Configuration/maximumMessageSize`` end their own call with `resourceExhausted`.
/// - Handlers start on the thread of their connection; see ``ExecutionPolicy``.
public final class HTTP2Transport: Transport {
    private struct State {
        var configuration: Configuration?
        var clientTLS: TLSContext?
        var hasToldOfPlaintext = false
    }

    private let state: Mutex<State>

    /// Creates the transport.
    ///
    /// - Parameter configuration: How it is set up; `nil` takes it from the variables of the service.
    public init(configuration: Configuration? = nil) {
        state = Mutex(State(configuration: configuration))
    }

    /// The pair (`grpc`, `grpc`).
    public var nodeProtocol: NodeProtocol { .grpc }

    /// Reads the configuration of the service, unless one was given in code.
    ///
    /// - Parameter context: The service's configuration.
    /// - Throws: A ``StartError`` that names the variable or file that can't be used.
    public func prepare(_ context: PluginContext) throws {
        let given = state.withLock { $0.configuration }
        let configuration = try given ?? Configuration(context: context)
        let tls = try configuration.tls.map { try TLSContext($0, role: .client, alpn: ["h2"]) }
        state.withLock { state in
            state.configuration = configuration
            state.clientTLS = tls
        }
        SecurityWarning.unverified(configuration.tls, "the services that are called")
    }

    /// Begins to accept calls.
    ///
    /// - Parameters:
    ///   - address: Where to listen.
    ///   - handler: What to do with each call.
    /// - Returns: The open listener.
    /// - Throws: A ``StartError`` that names the address, or the certificate, that can't be used.
    public func listen(on address: ListenAddress, handler: any CallHandler) async throws -> any Listener {
        let configuration = configuration
        let tls = try configuration.tls.map { try TLSContext($0, role: .server, alpn: ["h2"]) }
        if tls == nil, !address.isLocal { tellOfPlaintext(at: address.description, level: .warning) }
        var limits = configuration.limits
        limits.http2.keepaliveInterval = configuration.serverKeepaliveInterval
        return try await GRPCListener.open(on: address, handler: handler, limits: limits, tls: tls)
    }

    /// Opens a connection to a node.
    ///
    /// - Parameters:
    ///   - node: Where the peer is.
    ///   - name: Who the peer must prove to be, if the connection is encrypted.
    /// - Returns: The open connection.
    /// - Throws: A ``MicroError`` with the status `unavailable` that was surely not processed.
    public func connect(to node: Node, as name: PeerName) async throws -> any Connection {
        let configuration = configuration
        var limits = configuration.limits
        limits.http2.keepaliveInterval = configuration.clientKeepaliveInterval
        let tls = try state.withLock { state in
            if state.clientTLS == nil {
                state.clientTLS = try configuration.tls.map {
                    try TLSContext($0, role: .client, alpn: ["h2"])
                }
            }
            return state.clientTLS
        }
        if tls == nil, (try? ListenAddress(parsing: node.address))?.isLocal == false {
            // Nothing is wrong with a client that finds it so: those who serve are warned.
            tellOfPlaintext(at: node.address, level: .info)
        }
        return try await GRPCConnection.open(to: node.address, as: name, limits: limits, tls: tls)
    }

    private var configuration: Configuration { state.withLock { $0.configuration } ?? Configuration() }

    /// Logs once that calls can be read and changed on their way.
    private func tellOfPlaintext(at address: String, level: Logger.Level) {
        let isFirst = state.withLock { state in
            defer { state.hasToldOfPlaintext = true }
            return !state.hasToldOfPlaintext
        }
        guard isFirst else { return }
        SecurityWarning.logPlaintext(
            "Calls travel", at: address, advice: "Set MICRO_TLS_CERT, MICRO_TLS_KEY and MICRO_TLS_CA.",
            level: level)
    }
}

extension Transport where Self == HTTP2Transport {
    /// gRPC over HTTP/2, set up by the variables of the service.
    public static var grpc: HTTP2Transport { HTTP2Transport() }

    /// Returns gRPC over HTTP/2.
    ///
    /// - Parameter configuration: How it is set up.
    /// - Returns: The transport.
    public static func grpc(_ configuration: HTTP2Transport.Configuration) -> HTTP2Transport {
        HTTP2Transport(configuration: configuration)
    }
}
