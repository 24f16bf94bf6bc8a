import ArgumentParser
import EchoMessages
import Foundation
import Micro
import MicroCore
import MicroProtobuf
import MicroRegistryMemory
import MicroTransportHTTP2
import SwiftProtobuf

/// Makes calls when a line on standard input asks for them, so that the benchmarks can read the
/// client's CPU time before and behind.
///
/// Each line `run CALLS IN_FLIGHT BYTES` is answered with `done CALLS`. With several addresses they are the nodes of a
/// service, and the 99th percentile of the calls' latencies in microseconds stands behind it.
@main
struct EchoClient: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "echo-client")

    @Option(help: "The server, as host:port; several are the nodes of a service.")
    var address: [String]

    @Option(help: "The selector that picks the node of each call.")
    var selector = "random"

    @Flag(inversion: .prefixedNo, help: "Eject nodes that answer badly.")
    var ejection = true

    func run() async throws {
        let registry = MemoryRegistry()
        let nodes = address.enumerated().map { Node(id: "echo-\($0)", address: $1) }
        try await registry.register(ServiceRecord(name: "echo", nodes: nodes), timeToLive: nil)
        let client = MicroClient(
            name: "echo-client", registry: registry, transports: [.grpc(HTTP2Transport.Configuration())],
            configuration: ConfigurationSources(
                arguments: [],
                overrides: [
                    "selector": selector, "client.outlier.share": ejection ? "10" : "0",
                ]))
        try await withMicroClient(client) { client in
            while let line = readLine() {
                let order = try Order(line)
                let latencies = try await make(order, with: client).sorted()
                let slowest = latencies.isEmpty ? "" : " \(latencies[latencies.count * 99 / 100])"
                print("done \(order.calls)\(slowest)")
                fflush(nil)
            }
        }
    }

    /// Makes the calls of an order, as many at once as it says.
    ///
    /// - Returns: Their latencies in microseconds, if there are several nodes.
    private func make(_ order: Order, with client: MicroClient) async throws -> [Int] {
        let request = Echo_Payload.with { $0.payload = Data(repeating: 7, count: order.bytes) }
        return try await withThrowingTaskGroup(of: [Int].self) { group in
            for worker in 0..<order.inFlight {
                let share = order.calls / order.inFlight + (worker < order.calls % order.inFlight ? 1 : 0)
                group.addTask {
                    var latencies: [Int] = []
                    for _ in 0..<share {
                        guard address.count > 1 else {
                            try await call(request, with: client)
                            continue
                        }
                        let begin = ContinuousClock.now
                        try await call(request, with: client)
                        latencies.append(Int((ContinuousClock.now - begin) / .microseconds(1)))
                    }
                    return latencies
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func call(_ request: Echo_Payload, with client: MicroClient) async throws {
        let options = CallOptions(
            timeout: .seconds(5),
            metadata: ["x-request-id": "6f1c0f9e-52a4-4f0f-9d3e-0a4f0d7c3b11", "x-tenant": "acme"],
            address: address.count == 1 ? address.first : nil)
        let reply = try await client.call(
            "echo", "Echo.Unary", request, returning: Echo_Payload.self, options: options)
        guard reply == request else { throw ValidationError("The answer is not the request.") }
    }
}

/// What a line asks for.
private struct Order {
    var calls: Int
    var inFlight: Int
    var bytes: Int

    init(_ line: String) throws {
        let words = line.split(separator: " ")
        let numbers = words.dropFirst().compactMap { Int($0) }
        guard words.first == "run", numbers.count == 3, numbers.allSatisfy({ $0 > 0 }) else {
            throw ValidationError("A line is \"run CALLS IN_FLIGHT BYTES\", not \"\(line)\".")
        }
        (calls, inFlight, bytes) = (numbers[0], numbers[1], numbers[2])
    }
}
