package import Micro
import MicroCore
import MicroProtobuf
import SwiftProtobuf
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The server's side of the gRPC project's interoperability test: `grpc.testing.TestService`.
///
/// `UnimplementedCall` and the service `UnimplementedService` are left out, as the test wants it.
package struct InteropService: ServiceComponent {
    private let cache = ResponseCache()

    package init() {}

    package func contribute(to contents: inout ServiceContents) {
        contents.add(
            Endpoint("/grpc.testing.TestService/EmptyCall") { (request: Grpc_Testing_Empty, context) in
                InteropMetadata.echo(in: context)
                return request
            })
        contents.add(Endpoint("/grpc.testing.TestService/UnaryCall", handler: unary))
        contents.add(Endpoint("/grpc.testing.TestService/CacheableUnaryCall", handler: cacheable))
        contents.add(Endpoint("/grpc.testing.TestService/StreamingOutputCall", handler: output))
        contents.add(Endpoint("/grpc.testing.TestService/StreamingInputCall", handler: input))
        contents.add(Endpoint("/grpc.testing.TestService/FullDuplexCall", handler: fullDuplex))
        contents.add(Endpoint("/grpc.testing.TestService/HalfDuplexCall", handler: halfDuplex))
        // For reflection, so that tools describe and call the service.
        contents.add(Grpc_Testing_TestService.definition)
    }

    // MARK: Unary calls

    @Sendable private func unary(
        _ request: Grpc_Testing_SimpleRequest, _ context: RequestContext
    ) async throws -> Grpc_Testing_SimpleResponse {
        InteropMetadata.echo(in: context)
        if request.hasExpectCompressed {
            try check(request.expectCompressed.value, context.requestCompression)
        }
        if request.hasResponseStatus { try end(with: request.responseStatus) }
        if request.responseCompressed.value { context.responseCompression = .gzip }
        return .with { $0.payload = .zeros(bounded(request.responseSize)) }
    }

    /// Answers the same payload for a minute with the same response, in place of the caching proxy that the
    /// test wants in front of a server.
    @Sendable private func cacheable(
        _ request: Grpc_Testing_SimpleRequest, _ context: RequestContext
    ) async throws -> Grpc_Testing_SimpleResponse {
        context.responseMetadata["cache-control"] = "max-age=60, public"
        let body = cache.response(to: request.payload.body) { "\(Uptime.now.nanoseconds)" }
        return .with { $0.payload.body = Data(body.utf8) }
    }

    // MARK: Streams

    @Sendable private func output(
        _ request: Grpc_Testing_StreamingOutputCallRequest,
        _ responses: MessageWriter<Grpc_Testing_StreamingOutputCallResponse>, _ context: RequestContext
    ) async throws {
        InteropMetadata.echo(in: context)
        try await answer(request, responses, context)
    }

    @Sendable private func input(
        _ requests: MessageStream<Grpc_Testing_StreamingInputCallRequest>, _ context: RequestContext
    ) async throws -> Grpc_Testing_StreamingInputCallResponse {
        InteropMetadata.echo(in: context)
        var sum = 0
        while let (request, compression) = try await requests.nextReceived() {
            if request.hasExpectCompressed { try check(request.expectCompressed.value, compression) }
            sum += request.payload.body.count
        }
        return .with { $0.aggregatedPayloadSize = Int32(clamping: sum) }
    }

    @Sendable private func fullDuplex(
        _ requests: MessageStream<Grpc_Testing_StreamingOutputCallRequest>,
        _ responses: MessageWriter<Grpc_Testing_StreamingOutputCallResponse>, _ context: RequestContext
    ) async throws {
        InteropMetadata.echo(in: context)
        for try await request in requests {
            if request.hasResponseStatus { try end(with: request.responseStatus) }
            try await answer(request, responses, context)
        }
    }

    @Sendable private func halfDuplex(
        _ requests: MessageStream<Grpc_Testing_StreamingOutputCallRequest>,
        _ responses: MessageWriter<Grpc_Testing_StreamingOutputCallResponse>, _ context: RequestContext
    ) async throws {
        InteropMetadata.echo(in: context)
        var parameters: [Grpc_Testing_ResponseParameters] = []
        for try await request in requests {
            parameters += request.responseParameters
            guard parameters.count <= 10_000 else {
                throw MicroError(.resourceExhausted, "The stream asks for more than 10,000 responses.")
            }
        }
        try await answer(.with { $0.responseParameters = parameters }, responses, context)
    }

    private func answer(
        _ request: Grpc_Testing_StreamingOutputCallRequest,
        _ responses: MessageWriter<Grpc_Testing_StreamingOutputCallResponse>, _ context: RequestContext
    ) async throws {
        if request.hasResponseStatus { try end(with: request.responseStatus) }
        // The head says how messages may be compressed, so it is decided before the first of them.
        if request.responseParameters.contains(where: \.compressed.value) {
            context.responseCompression = .gzip
        }
        for parameters in request.responseParameters {
            if parameters.intervalUs > 0 {
                try await Task.sleep(for: .microseconds(parameters.intervalUs))
            }
            let response = Grpc_Testing_StreamingOutputCallResponse.with {
                $0.payload = .zeros(bounded(parameters.size))
            }
            if parameters.hasCompressed, !parameters.compressed.value {
                try await responses.writeUncompressed(response)
            } else {
                try await responses.write(response)
            }
        }
    }

    // MARK: What requests ask for

    private func check(_ isExpected: Bool, _ compression: Compression) throws {
        guard isExpected != (compression != .identity) else { return }
        throw MicroError(
            .invalidArgument, isExpected ? "The request isn't compressed." : "The request is compressed.")
    }

    private func end(with status: Grpc_Testing_EchoStatus) throws {
        guard status.code != 0 else { return }
        throw MicroError(RPCStatus(rawValue: Int(status.code)), status.message)
    }

    /// A size that a response may have, in place of one that makes no sense.
    private func bounded(_ size: Int32) -> Int { min(max(Int(size), 0), 64 << 20) }
}

extension Grpc_Testing_Payload {
    /// A payload of so many zeros.
    static func zeros(_ count: Int) -> Self { .with { $0.body = Data(count: count) } }
}

/// The metadata that a server sends back.
enum InteropMetadata {
    static let initial = "x-grpc-test-echo-initial"
    static let trailing = "x-grpc-test-echo-trailing-bin"

    static func echo(in context: RequestContext) {
        if let value = context.metadata[initial] { context.responseMetadata[initial] = value }
        if let value = context.metadata.bytes(for: trailing) {
            var metadata: Metadata = [:]
            metadata.add(value, for: trailing)
            context.trailingMetadata = metadata
        }
    }
}

/// The responses of the last minute by their requests' payloads.
private final class ResponseCache: Sendable {
    /// How many responses are kept at most.
    private static let limit = 1000

    private static let age: Int64 = 60_000_000_000

    private let entries = Mutex<[Data: (response: String, made: Int64)]>([:])

    func response(to payload: Data, make: () -> String) -> String {
        let now = Uptime.now.nanoseconds
        return entries.withLock { entries in
            if let entry = entries[payload], now - entry.made < Self.age { return entry.response }
            if entries.count >= Self.limit { entries = [:] }
            let response = make()
            entries[payload] = (response, now)
            return response
        }
    }
}
