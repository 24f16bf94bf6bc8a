import Micro
import MicroCore
import MicroProtobuf
import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// The cases of streams.
extension InteropClient {
    private typealias Input = Grpc_Testing_StreamingInputCallRequest
    private typealias Output = Grpc_Testing_StreamingOutputCallRequest

    func clientStreaming() async throws {
        let reply = try await sendInput(options()) { requests in
            for size in [27182, 8, 1828, 45904] {
                try await requests.write(.with { $0.payload = .zeros(size) })
            }
        }
        try expect(reply.aggregatedPayloadSize, 74922, "the aggregated size")
    }

    func clientCompressedStreaming(isProbing: Bool) async throws {
        let compressed = Input.with {
            $0.expectCompressed.value = true
            $0.payload = .zeros(27182)
        }
        let uncompressed = Input.with {
            $0.expectCompressed.value = false
            $0.payload = .zeros(45904)
        }
        if isProbing {
            try await expectFailure(.invalidArgument, of: "the probe") {
                _ = try await sendInput(options()) { try await $0.write(compressed) }
            }
        }
        let reply = try await sendInput(options(compression: .gzip)) { requests in
            try await requests.write(compressed)
            try await requests.writeUncompressed(uncompressed)
        }
        try expect(reply.aggregatedPayloadSize, 73086, "the aggregated size")
    }

    private func sendInput(
        _ options: CallOptions, _ body: (RequestWriter<Input>) async throws -> Void
    ) async throws -> Grpc_Testing_StreamingInputCallResponse {
        try await client.stream(
            Self.service, "TestService.StreamingInputCall", sending: Input.self,
            returning: Grpc_Testing_StreamingInputCallResponse.self, options: options, body)
    }

    func serverStreaming() async throws {
        let sizes = [31415, 9, 2653, 58979]
        let request = Output.with { request in
            request.responseParameters = sizes.map { size in .with { $0.size = Int32(size) } }
        }
        let found = try await receiveOutput(request).map(\.size)
        try expect(found, sizes, "the sizes of the responses")
    }

    func serverCompressedStreaming() async throws {
        let wanted = [(31415, true), (92653, false)]
        let request = Output.with { request in
            request.responseParameters = wanted.map { size, isCompressed in
                .with {
                    $0.size = Int32(size)
                    $0.compressed.value = isCompressed
                }
            }
        }
        let found = try await receiveOutput(request)
        try expect(found.map(\.size), wanted.map(\.0), "the sizes of the responses")
        try expect(
            found.map { $0.compression != .identity }, wanted.map(\.1), "which responses are compressed")
    }

    /// Returns the sizes of the payloads that a server streams, and how each was compressed.
    private func receiveOutput(
        _ request: Output
    ) async throws -> [(size: Int, compression: Compression)] {
        try await client.stream(
            Self.service, "TestService.StreamingOutputCall", request,
            returning: Grpc_Testing_StreamingOutputCallResponse.self, options: options()
        ) { responses in
            var found: [(Int, Compression)] = []
            while let (response, compression) = try await responses.nextReceived() {
                found.append((try zeros(response), compression))
            }
            return found
        }
    }

    func pingPong() async throws {
        let sizes = [(27182, 31415), (8, 9), (1828, 2653), (45904, 58979)]
        try await duplex(options()) { requests, responses in
            for (sent, wanted) in sizes {
                try await requests.write(.request(sent, wanting: wanted))
                guard let response = try await responses.next() else {
                    throw InteropFailure("the call ended instead of answering with \(wanted) bytes")
                }
                try expect(try zeros(response), wanted, "the size of a response")
            }
            try await requests.finish()
            guard try await responses.next() == nil else { throw InteropFailure("there is a fifth response") }
        }
    }

    func emptyStream() async throws {
        try await duplex(options()) { requests, responses in
            try await requests.finish()
            guard try await responses.next() == nil else { throw InteropFailure("there is a response") }
        }
    }

    func duplex(
        _ options: CallOptions,
        _ body: (
            RequestWriter<Grpc_Testing_StreamingOutputCallRequest>,
            MessageStream<Grpc_Testing_StreamingOutputCallResponse>
        ) async throws -> Void
    ) async throws {
        try await client.stream(
            Self.service, "TestService.FullDuplexCall", sending: Output.self,
            returning: Grpc_Testing_StreamingOutputCallResponse.self, options: options, body)
    }

    /// Returns the size of a payload, which must be of zeros.
    private func zeros(_ response: Grpc_Testing_StreamingOutputCallResponse) throws -> Int {
        let body = response.payload.body
        guard body == Data(count: body.count) else { throw InteropFailure("a payload is not of zeros") }
        return body.count
    }
}

extension Grpc_Testing_StreamingOutputCallRequest {
    /// A request of some zeros for one response of a size.
    static func request(_ size: Int, wanting response: Int) -> Self {
        .with { request in
            request.responseParameters = [.with { $0.size = Int32(response) }]
            request.payload = .zeros(size)
        }
    }
}
