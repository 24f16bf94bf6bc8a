import ArgumentParser
import EchoMessages
import Foundation
import MicroCore
import MicroTransportHTTP2
import SwiftProtobuf

/// Makes calls when a line on standard input asks for them, as `echo-client` does.
struct Call: AsyncParsableCommand {
    @Option(help: "The server, as host:port.")
    var address: String

    func run() async throws {
        let node = Node(id: "echo", address: address)
        let connection = try await HTTP2Transport().connect(to: node, as: .host("127.0.0.1"))
        while let line = readLine() {
            let numbers = line.split(separator: " ").compactMap { Int($0) }
            guard numbers.count == 3, numbers.allSatisfy({ $0 > 0 }) else {
                throw ValidationError("A line is \"run CALLS IN_FLIGHT BYTES\", not \"\(line)\".")
            }
            try await make(calls: numbers[0], inFlight: numbers[1], bytes: numbers[2], on: connection)
            print("done \(numbers[0])")
            fflush(nil)
        }
    }

    private func make(calls: Int, inFlight: Int, bytes: Int, on connection: any Connection) async throws {
        let payload = Echo_Payload.with { $0.payload = Data(repeating: 7, count: bytes) }
        let request = EncodedMessage(try payload.serializedBytes() as [UInt8])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<inFlight {
                let share = calls / inFlight + (worker < calls % inFlight ? 1 : 0)
                group.addTask {
                    for _ in 0..<share { try await call(request, on: connection) }
                }
            }
            try await group.waitForAll()
        }
    }

    private func call(_ request: EncodedMessage, on connection: any Connection) async throws {
        let head = CallHead(
            path: "/echo.Echo/Unary",
            metadata: ["x-request-id": "6f1c0f9e-52a4-4f0f-9d3e-0a4f0d7c3b11", "x-tenant": "acme"],
            deadline: .now.advanced(by: .seconds(5)))
        guard try await connection.unary(head, request).message == request else {
            throw ValidationError("The answer is not the request.")
        }
    }
}
