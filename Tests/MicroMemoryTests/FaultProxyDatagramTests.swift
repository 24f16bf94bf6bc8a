import MicroTestSupport
import MicroTesting
import Testing

/// What a network does to datagrams, and that a proxy does it.
@Suite(.timeLimit(.minutes(2))) struct FaultProxyDatagramTests {
    private static let count = 200

    /// Sends numbered datagrams through a proxy, and returns the numbers that arrive at the server, in their order.
    private func arrivals(
        _ conditions: FaultProxy.Conditions, seed: UInt64 = 0, atLeast least: Int
    ) async throws -> [Int] {
        let server = try await DatagramPeer.open()
        let client = try await DatagramPeer.open()
        let script = FaultProxy.Script(seed: seed) { _ in [.conditions(conditions, .toServer)] }
        try await withFaultProxy(to: server.address, over: .udp, script: script) { proxy in
            for number in 0..<Self.count {
                try await client.send([UInt8(number % 256), UInt8(number / 256)], to: proxy.address)
            }
            try await eventually("they arrive") { server.received.now.datagrams.count >= least }
            // Those that are overtaken come a little later.
            try await Task.sleep(for: .milliseconds(100))
            #expect(proxy.connectionCount == 1)
        }
        try await client.close()
        try await server.close()
        return server.received.now.datagrams.map { Int($0[0]) + Int($0[1]) * 256 }
    }

    @Test func passesBothWays() async throws {
        let server = try await DatagramPeer.open(echoes: true)
        try await withFaultProxy(to: server.address, over: .udp) { proxy in
            let clients = try await [DatagramPeer.open(), DatagramPeer.open()]
            for (number, client) in clients.enumerated() {
                try await client.send([UInt8(number)], to: proxy.address)
            }
            for (number, client) in clients.enumerated() {
                try await eventually("its answer") { client.received.now.datagrams == [[UInt8(number)]] }
                try await client.close()
            }
            #expect(proxy.connectionCount == 2)
        }
        try await server.close()
    }

    @Test func losesTheSameOnesInEveryRun() async throws {
        let conditions = FaultProxy.Conditions(loss: 0.3, duplication: 0.2)
        let first = try await arrivals(conditions, seed: 3, atLeast: 120)
        let missing = Set(0..<Self.count).subtracting(first)
        #expect((30...90).contains(missing.count))
        #expect(first == first.sorted() && first.count > Set(first).count)
        #expect(try await arrivals(conditions, seed: 3, atLeast: first.count) == first)
        #expect(try await arrivals(conditions, seed: 4, atLeast: 120) != first)
    }

    @Test func letsSomeOvertakeOthers() async throws {
        let arrived = try await arrivals(.init(reordering: 0.5), atLeast: Self.count)
        #expect(arrived.sorted() == Array(0..<Self.count))
        #expect(arrived != arrived.sorted())
        // None is overtaken by more than one.
        #expect(arrived.enumerated().allSatisfy { abs($0.offset - $0.element) <= 1 })
    }

    @Test func changesBits() async throws {
        let server = try await DatagramPeer.open()
        let client = try await DatagramPeer.open()
        try await withFaultProxy(
            to: server.address, over: .udp, script: [.conditions(.init(corruption: 1))]
        ) { proxy in
            try await client.send([0, 0, 0], to: proxy.address)
            try await eventually("it arrives") { !server.received.now.datagrams.isEmpty }
            #expect(server.received.now.datagrams[0].map(\.nonzeroBitCount) == [1, 1, 1])
        }
        try await client.close()
        try await server.close()
    }

    @Test func losesWhatIsSentDuringAPartition() async throws {
        let server = try await DatagramPeer.open()
        let client = try await DatagramPeer.open()
        try await withFaultProxy(to: server.address, over: .udp) { proxy in
            await proxy.partition()
            try await client.send([1], to: proxy.address)
            try await eventually("it is lost") { proxy.connectionCount == 1 }
            try await Task.sleep(for: .milliseconds(50))
            await proxy.restore()
            try await client.send([2], to: proxy.address)
            try await eventually("the next one arrives") { server.received.now.datagrams == [[2]] }
        }
        try await client.close()
        try await server.close()
    }
}
