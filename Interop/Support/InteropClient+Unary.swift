import Micro
import MicroCore
import MicroProtobuf
import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// The cases of calls with one message each way.
extension InteropClient {
    func emptyUnary() async throws {
        let (reply, raw) = try await call(
            "EmptyCall", Grpc_Testing_Empty(), returning: Grpc_Testing_Empty.self, options())
        try expect(reply, Grpc_Testing_Empty(), "the reply")
        try expect(raw.message.count, 0, "the size of the reply")
    }

    func cacheableUnary() async throws {
        let request = Grpc_Testing_SimpleRequest.with {
            $0.payload.body = Data("\(Uptime.now.nanoseconds)".utf8)
        }
        let user: Metadata = ["x-user-ip": "1.2.3.4"]
        let type = Grpc_Testing_SimpleResponse.self
        let first = try await call("CacheableUnaryCall", request, returning: type, options(user)).reply
        let second = try await call("CacheableUnaryCall", request, returning: type, options(user)).reply
        try expect(second.payload.body, first.payload.body, "the payload of the second response")
    }

    func largeUnary() async throws {
        try checkLarge(try await callLarge(.large, options()).reply)
    }

    func clientCompressedUnary(isProbing: Bool) async throws {
        var request = Grpc_Testing_SimpleRequest.large
        request.expectCompressed.value = true
        if isProbing {
            try await expectFailure(.invalidArgument, of: "the probe") {
                _ = try await callLarge(request, options())
            }
        }
        try checkLarge(try await callLarge(request, options(compression: .gzip)).reply)
        try checkLarge(try await callLarge(request, options(compression: .deflate)).reply)
        request.expectCompressed.value = false
        try checkLarge(try await callLarge(request, options()).reply)
    }

    func serverCompressedUnary() async throws {
        for isCompressed in [true, false] {
            var request = Grpc_Testing_SimpleRequest.large
            request.responseCompressed.value = isCompressed
            let (reply, raw) = try await callLarge(request, options())
            try checkLarge(reply)
            try expect(raw.compression != .identity, isCompressed, "that the response is compressed")
        }
    }

    func customMetadata() async throws {
        var metadata: Metadata = [InteropMetadata.initial: "test_initial_metadata_value"]
        metadata.add([0xAB, 0xAB, 0xAB], for: InteropMetadata.trailing)
        let (reply, raw) = try await callLarge(.large, options(metadata))
        try checkLarge(reply)
        try checkEcho(raw.metadata, raw.trailingMetadata)

        let request = Grpc_Testing_StreamingOutputCallRequest.with {
            $0.responseParameters = [.with { $0.size = 314_159 }]
            $0.payload = .zeros(271_828)
        }
        let message = try encode(request)
        try await client.streamRaw(
            Self.service, "TestService.FullDuplexCall", contentSubtype: "proto", options: options(metadata)
        ) { call in
            try await call.send(message)
            try await call.finish()
            while try await call.receive() != nil {}
            try checkEcho(try await call.metadata(), call.trailingMetadata)
        }
    }

    private func checkEcho(_ initial: Metadata, _ trailing: Metadata) throws {
        try expect(initial[InteropMetadata.initial], "test_initial_metadata_value", "the initial metadata")
        try expect(
            trailing.bytes(for: InteropMetadata.trailing), [0xAB, 0xAB, 0xAB], "the trailing metadata")
    }

    // MARK: The large call

    func callLarge(
        _ request: Grpc_Testing_SimpleRequest, _ options: CallOptions
    ) async throws -> (reply: Grpc_Testing_SimpleResponse, raw: UnaryReply) {
        try await call("UnaryCall", request, returning: Grpc_Testing_SimpleResponse.self, options)
    }

    func checkLarge(_ response: Grpc_Testing_SimpleResponse) throws {
        try expect(response.payload.body, Data(count: 314_159), "the payload")
    }
}

extension Grpc_Testing_SimpleRequest {
    /// A request of 271828 zeros for a response of 314159.
    static var large: Self {
        .with {
            $0.responseSize = 314_159
            $0.payload = .zeros(271_828)
        }
    }
}
