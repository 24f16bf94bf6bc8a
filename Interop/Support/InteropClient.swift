package import Micro
package import MicroCore
import MicroProtobuf
import MicroRegistryMemory
import MicroTransportHTTP2
import SwiftProtobuf

/// The client's side of the gRPC project's interoperability test.
///
/// The procedures and what they check are those of the gRPC project's descriptions; `docs/Interop.md` says what
/// differs.
package struct InteropClient: Sendable {
    /// How a server is reached.
    package struct Target: Sendable {
        /// The address, `host:port`.
        package var address: String

        /// Certificates and verification; plaintext if `nil`.
        package var tls: TLSConfiguration?

        package init(address: String, tls: TLSConfiguration? = nil) {
            self.address = address
            self.tls = tls
        }

        /// A client, which opens connections of its own.
        package func makeClient() -> MicroClient {
            MicroClient(
                registry: MemoryRegistry(), transports: [HTTP2Transport(configuration: .init(tls: tls))],
                configuration: ConfigurationSources(arguments: []))
        }
    }

    /// How long a call may take that isn't about time.
    static let patience = Duration.seconds(60)

    let client: MicroClient
    let target: Target
    let soak: SoakOptions

    /// Runs a case.
    ///
    /// - Parameters:
    ///   - testCase: The case.
    ///   - target: The server.
    ///   - soak: How the soak cases are run.
    /// - Throws: An ``InteropFailure`` or `MicroError` that says what went wrong.
    package static func run(
        _ testCase: InteropCase, on target: Target, soak: SoakOptions = SoakOptions()
    ) async throws {
        try await withMicroClient(target.makeClient()) { client in
            // The client runs from here on: no case's time is spent on waiting for that.
            _ = try await client.services()
            try await InteropClient(client: client, target: target, soak: soak).run(testCase)
        }
    }

    private func run(_ testCase: InteropCase) async throws {
        switch testCase {
        case .emptyUnary: try await emptyUnary()
        case .cacheableUnary: try await cacheableUnary()
        case .largeUnary: try await largeUnary()
        case .clientCompressedUnary: try await clientCompressedUnary(isProbing: true)
        case .clientCompressedUnaryNoProbe: try await clientCompressedUnary(isProbing: false)
        case .serverCompressedUnary: try await serverCompressedUnary()
        case .clientStreaming: try await clientStreaming()
        case .clientCompressedStreaming: try await clientCompressedStreaming(isProbing: true)
        case .clientCompressedStreamingNoProbe: try await clientCompressedStreaming(isProbing: false)
        case .serverStreaming: try await serverStreaming()
        case .serverCompressedStreaming: try await serverCompressedStreaming()
        case .pingPong: try await pingPong()
        case .emptyStream: try await emptyStream()
        case .statusCodeAndMessage: try await echoStatus("test status message", onStream: true)
        case .specialStatusMessage: try await echoStatus(Self.specialMessage, onStream: false)
        case .unimplementedMethod: try await unimplemented("TestService.UnimplementedCall")
        case .unimplementedService: try await unimplemented("UnimplementedService.UnimplementedCall")
        case .cancelAfterBegin: try await cancelAfterBegin()
        case .cancelAfterFirstResponse: try await cancelAfterFirstResponse()
        case .timeoutOnSleepingServer: try await timeoutOnSleepingServer()
        case .customMetadata: try await customMetadata()
        case .rpcSoak: try await Soak(options: soak).run(on: self, isChannelNew: false)
        case .channelSoak: try await Soak(options: soak).run(on: self, isChannelNew: true)
        }
    }

    // MARK: Calls

    /// How a call is made.
    func options(
        _ metadata: Metadata = [:], compression: Compression = .identity, timeout: Duration = patience
    ) -> CallOptions {
        CallOptions(
            timeout: timeout, metadata: metadata, address: target.address, contentSubtype: "proto",
            compression: compression)
    }

    /// Makes a call of `TestService` with one message each way.
    ///
    /// - Returns: The reply, and what came with it.
    func call<Reply: SwiftProtobuf.Message>(
        _ method: String, _ request: some SwiftProtobuf.Message, returning type: Reply.Type,
        _ options: CallOptions
    ) async throws -> (reply: Reply, raw: UnaryReply) {
        let raw = try await client.callRaw(
            Self.service, "TestService.\(method)", message: try encode(request), contentSubtype: "proto",
            options: options)
        return (try decode(raw.message), raw)
    }

    func encode(_ message: some SwiftProtobuf.Message) throws -> EncodedMessage {
        EncodedMessage(try message.serializedBytes() as [UInt8])
    }

    func decode<Value: SwiftProtobuf.Message>(_ message: EncodedMessage) throws -> Value {
        try Value(serializedBytes: message.bytes)
    }

    /// Does something that must fail with a status, and returns the error.
    @discardableResult
    func expectFailure(
        _ status: RPCStatus, of what: String, _ body: () async throws -> Void
    ) async throws -> MicroError {
        do {
            try await body()
        } catch let error as MicroError {
            guard error.status == status else {
                throw InteropFailure("\(what) ended with \(error), not with \(status)")
            }
            return error
        }
        throw InteropFailure("\(what) succeeded; it should have ended with \(status)")
    }

    static let service = "grpc.testing"

    /// White space, and characters that UTF-8 writes as two, three and four bytes.
    private static let specialMessage =
        "\t\ntest with whitespace\r\nand Unicode BMP \u{263A} and non-BMP \u{1F608}\t\n"
}
