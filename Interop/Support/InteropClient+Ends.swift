import Micro
import MicroCore
import MicroProtobuf
import SwiftProtobuf

// The cases of calls that don't succeed.
extension InteropClient {
    func echoStatus(_ message: String, onStream isOnStream: Bool) async throws {
        let status = Grpc_Testing_EchoStatus.with {
            $0.code = 2
            $0.message = message
        }
        let error = try await expectFailure(.unknown, of: "the unary call") {
            _ = try await callLarge(.with { $0.responseStatus = status }, options())
        }
        try expect(error.detail, message, "the message of the unary call")
        guard isOnStream else { return }
        let streamed = try await expectFailure(.unknown, of: "the stream") {
            try await duplex(options()) { requests, responses in
                try await requests.write(.with { $0.responseStatus = status })
                // The server may have ended the call before it had the end of the requests.
                try? await requests.finish()
                while try await responses.next() != nil {}
            }
        }
        try expect(streamed.detail, message, "the message of the stream")
    }

    func unimplemented(_ endpoint: String) async throws {
        try await expectFailure(.unimplemented, of: "the call") {
            _ = try await client.call(
                Self.service, endpoint, Grpc_Testing_Empty(), returning: Grpc_Testing_Empty.self,
                options: options())
        }
    }

    func cancelAfterBegin() async throws {
        try await expectFailure(.cancelled, of: "the call") {
            try await client.streamRaw(
                Self.service, "TestService.StreamingInputCall", contentSubtype: "proto", options: options()
            ) { call in
                call.cancel()
                _ = try await call.receive()
            }
        }
    }

    func cancelAfterFirstResponse() async throws {
        let request = try encode(Grpc_Testing_StreamingOutputCallRequest.request(27182, wanting: 31415))
        try await expectFailure(.cancelled, of: "the call") {
            try await client.streamRaw(
                Self.service, "TestService.FullDuplexCall", contentSubtype: "proto", options: options()
            ) { call in
                try await call.send(request)
                guard try await call.receive() != nil else {
                    throw InteropFailure("the call ended without a response")
                }
                call.cancel()
                _ = try await call.receive()
            }
        }
    }

    func timeoutOnSleepingServer() async throws {
        try await expectFailure(.deadlineExceeded, of: "the call") {
            try await duplex(options(timeout: .milliseconds(1))) { requests, responses in
                // The deadline may have passed before the request is sent; reading tells the end.
                try? await requests.write(.with { $0.payload = .zeros(27182) })
                while try await responses.next() != nil {}
            }
        }
    }
}
