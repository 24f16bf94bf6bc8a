import Foundation
import MicroCore
import MicroTestSupport
import MicroTesting
import NIOCore
import Testing

/// What a network does to connections of TCP, and that a proxy does it.
@Suite(.serialized, .timeLimit(.minutes(2))) struct FaultProxyTests {
    @Test func passesEverythingAsItIs() async throws {
        try await withRelay { client, server, proxy in
            let sent = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            try await client.send(sent)
            try await eventually("the echo") { client.received.now.bytes.count == sent.count }
            #expect(client.received.now.bytes == sent)
            #expect(proxy.passedBytes(.toServer) == sent.count && proxy.passedBytes(.toClient) == sent.count)
            #expect(proxy.connectionCount == 1)
            try await client.closeOutput()
            try await eventually("the end") { try await server.peer().received.now.hasEnded }
            #expect(try await !server.peer().received.now.wasReset)
        }
    }

    @Test func delaysInOneDirection() async throws {
        try await withRelay { client, server, proxy in
            await proxy.set(.init(latency: .milliseconds(100), jitter: .milliseconds(20)), .toClient)
            let begin = ContinuousClock.now
            try await client.send("hello")
            try await eventually("the request") { try await server.peer().received.text == "hello" }
            #expect(client.received.now.bytes.isEmpty)
            try await eventually("the answer") { client.received.text == "hello" }
            #expect(.now - begin >= .milliseconds(100))
        }
    }

    @Test func throttles() async throws {
        try await withRelay { client, _, proxy in
            await proxy.set(.init(bytesPerSecond: 50_000), .toServer)
            let begin = ContinuousClock.now
            try await client.send([UInt8](repeating: 7, count: 20_000))
            try await eventually("all of it") { client.received.now.bytes.count == 20_000 }
            // The last piece may pass at once, and each piece is as much as comes in 20 ms.
            #expect(.now - begin >= .milliseconds(370))
        }
    }

    @Test func holdsBackWithoutLosingAnything() async throws {
        try await withRelay { client, server, proxy in
            try await client.send("a")
            try await eventually("the first answer") { client.received.text == "a" }
            await proxy.partition()
            let large = [UInt8](repeating: 1, count: 8 << 20)
            async let sending: Void = client.send(large)
            try await Task.sleep(for: .milliseconds(100))
            #expect(proxy.passedBytes(.toServer) == 1)
            #expect(try await server.peer().received.text == "a")
            await proxy.restore()
            try await sending
            try await eventually("all of it") { client.received.now.bytes.count == large.count + 1 }
        }
    }

    /// A peer that reads nothing must not fill the memory of the tests.
    @Test func readsNoMoreThanTheFarEndTakes() async throws {
        try await withRelay { client, server, proxy in
            let peer = try await server.peer()
            try await peer.channel.setOption(.autoRead, value: false).get()
            let sending = client.channel.eventLoop.makePromise(of: Void.self)
            client.channel.writeAndFlush(ByteBuffer(repeating: 1, count: 64 << 20), promise: sending)
            try await Task.sleep(for: .milliseconds(300))
            #expect(proxy.passedBytes(.toServer) < 48 << 20)
            await proxy.cut()
            await #expect(throws: (any Error).self) { try await sending.futureResult.get() }
        }
    }

    @Test func throwsAway() async throws {
        try await withRelay { client, server, proxy in
            await proxy.set(.swallowed, .toServer)
            try await client.send("lost")
            // What is lost was read, so the next bytes come behind it.
            try await Task.sleep(for: .milliseconds(100))
            await proxy.restore()
            try await client.send("found")
            try await eventually("the rest") { client.received.text == "found" }
            #expect(try await server.peer().received.text == "found")
        }
    }

    @Test func cutsOnBothSides() async throws {
        try await withRelay { client, server, proxy in
            try await client.send("a")
            try await eventually("the answer") { client.received.text == "a" }
            await proxy.cut(refusingNew: true)
            let peer = try await server.peer()
            try await eventually("both are reset") {
                client.received.now.wasReset && peer.received.now.wasReset
            }
            // It may be reset before the client knows that it was opened.
            if let refused = try? await SocketPeer.connect(to: proxy.address) {
                try await eventually("a later one is reset") { refused.received.now.isClosed }
            }
            #expect(server.count == 1)
            await proxy.restore()
            let accepted = try await SocketPeer.connect(to: proxy.address)
            try await accepted.send("b")
            try await eventually("the answer") { accepted.received.text == "b" }
            await accepted.close()
        }
    }

    @Test func passesAResetOn() async throws {
        try await withRelay { client, server, _ in
            try await client.send("a")
            try await eventually("the answer") { client.received.text == "a" }
            let peer = try await server.peer()
            let options = try #require(peer.channel as? any SocketOptionProvider)
            try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
            await peer.close()
            try await eventually("the client is reset") { client.received.now.wasReset }
        }
    }

    @Test func endsOneDirectionAlone() async throws {
        try await withRelay { client, server, proxy in
            try await client.send("a")
            try await eventually("the answer") { client.received.text == "a" }
            await proxy.halfClose(.toServer)
            let peer = try await server.peer()
            try await eventually("the end") { peer.received.now.hasEnded }
            try await peer.send("b")
            try await eventually("what comes after it") { client.received.text == "ab" }
            #expect(!client.received.now.hasEnded)
            try await peer.closeOutput()
            try await eventually("the other end") { client.received.now.hasEnded }
        }
    }

    @Test func connectsToTheServerWhenThePartitionEnds() async throws {
        let server = try await SocketServer.start()
        try await withFaultProxy(to: server.address) { proxy in
            await proxy.partition()
            let client = try await SocketPeer.connect(to: proxy.address)
            try await client.send("hello")
            try await Task.sleep(for: .milliseconds(50))
            #expect(server.count == 0)
            await proxy.restore()
            try await eventually("the answer") { client.received.text == "hello" }
            await client.close()
        }
        try await server.stop()
    }

    @Test func resetsClientsOfAServerThatIsNotThere() async throws {
        let address = "127.0.0.1:\(try FreePort.tcp())"
        try await withFaultProxy(to: address) { proxy in
            guard let client = try? await SocketPeer.connect(to: proxy.address) else { return }
            try await eventually("the reset") { client.received.now.isClosed }
        }
    }

    @Test func refusesAnAddressThatIsNone() async throws {
        await #expect(throws: StartError.self) {
            try await withFaultProxy(to: "nowhere") { _ in Issue.record("It runs.") }
        }
    }

    // MARK: - Scripts

    @Test(arguments: [1, 7, 1000])
    func countsToTheByte(count: Int) async throws {
        let server = try await SocketServer.start()
        try await withFaultProxy(to: server.address, script: [.pass(count, .toClient), .cut]) { proxy in
            let client = try await SocketPeer.connect(to: proxy.address)
            try await client.send([UInt8](repeating: 1, count: 5000))
            try await eventually("the cut") { client.received.now.isClosed }
            #expect(client.received.now.bytes.count == count)
            #expect(proxy.passedBytes(.toClient) == count)
        }
        try await server.stop()
    }

    @Test func eachConnectionHasItsOwnSteps() async throws {
        let server = try await SocketServer.start()
        let script = FaultProxy.Script { connection in
            switch connection {
            case 0: [.pass(1, .toServer), .cut]
            case 1: [.conditions(.swallowed, .toServer)]
            case 2: [.conditions(.stalled), .wait(.milliseconds(100)), .conditions(.normal)]
            default: [.pass(2, .toServer), .halfClose(.toServer)]
            }
        }
        try await withFaultProxy(to: server.address, script: script) { proxy in
            var clients: [SocketPeer] = []
            for number in 0..<4 {
                clients.append(try await SocketPeer.connect(to: proxy.address))
                try await eventually("it is accepted") { proxy.connectionCount == number + 1 }
            }
            for client in clients { try await client.send("hello") }
            try await eventually("the first one is cut") { clients[0].received.now.isClosed }
            try await eventually("the third one is answered") { clients[2].received.text == "hello" }
            try await eventually("two bytes of the fourth one are") { clients[3].received.text == "he" }
            #expect(clients[1].received.now.bytes.isEmpty)
            for client in clients { await client.close() }
        }
        try await server.stop()
    }

    @Test func changesTheSameBytesInEveryRun() async throws {
        let sent = [UInt8](repeating: 0, count: 20_000)
        /// What comes back, if it is sent in pieces.
        func echo(seed: UInt64, piece: Int) async throws -> [UInt8] {
            let server = try await SocketServer.start()
            let script = FaultProxy.Script(seed: seed) { _ in
                [.conditions(.init(corruption: 0.001), .toServer)]
            }
            let echoed = try await withFaultProxy(to: server.address, script: script) { proxy in
                let client = try await SocketPeer.connect(to: proxy.address)
                for start in stride(from: 0, to: sent.count, by: piece) {
                    try await client.send(Array(sent[start..<min(start + piece, sent.count)]))
                }
                try await eventually("all of it") { client.received.now.bytes.count == sent.count }
                await client.close()
                return client.received.now.bytes
            }
            try await server.stop()
            return echoed
        }
        let first = try await echo(seed: 1, piece: 20_000)
        let changed = first.filter { $0 != 0 }
        #expect((5...60).contains(changed.count) && changed.allSatisfy { $0.nonzeroBitCount == 1 })
        #expect(try await echo(seed: 1, piece: 777) == first)
        #expect(try await echo(seed: 2, piece: 20_000) != first)
    }

    @Test func drawsTheSameStepsFromASeed() {
        for network in [FaultProxy.Network.tcp, .udp] {
            for connection in 0..<20 {
                let steps = FaultProxy.Script.seeded(7).steps(of: connection, over: network)
                #expect(steps == FaultProxy.Script.seeded(7).steps(of: connection, over: network))
                #expect(steps != FaultProxy.Script.seeded(8).steps(of: connection, over: network))
                #expect(steps != FaultProxy.Script.seeded(7).steps(of: connection + 1, over: network))
            }
        }
    }

    /// Whatever a network does, TCP delivers a beginning of what was sent.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func keepsThePromisesOfTCP(seed: UInt64) async throws {
        let server = try await SocketServer.start()
        let sent = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) }
        try await withFaultProxy(to: server.address, script: .seeded(seed)) { proxy in
            let client = try await SocketPeer.connect(to: proxy.address)
            for start in stride(from: 0, to: sent.count, by: 1000) {
                // A connection that was cut takes nothing more.
                do { try await client.send(Array(sent[start..<start + 1000])) } catch { break }
            }
            try await eventually("its end, or all") {
                let now = client.received.now
                return now.isClosed || now.hasEnded || now.bytes.count == sent.count
            }
            let received = client.received.now.bytes
            #expect(received.elementsEqual(sent.prefix(received.count)), "seed \(seed)")
            await client.close()
        }
        try await server.stop()
    }

    // MARK: - The end

    @Test func leavesNoDescriptorOpen() async throws {
        // The loops of the process open theirs once.
        try await withRelay { client, _, _ in try await client.send("a") }
        let before = try descriptors()
        for _ in 0..<3 {
            try await withRelay { client, _, proxy in
                await proxy.partition()
                let others = try await [
                    SocketPeer.connect(to: proxy.address), SocketPeer.connect(to: proxy.address),
                ]
                try await client.send("a")
                for other in others { await other.close() }
            }
        }
        try await eventually("all are closed") { try descriptors() <= before }
    }

    private func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }

    /// Runs a client and a server that echoes, with a proxy between.
    private func withRelay(
        _ body: (_ client: SocketPeer, _ server: SocketServer, FaultProxy) async throws -> Void
    ) async throws {
        let server = try await SocketServer.start()
        try await withFaultProxy(to: server.address) { proxy in
            let client = try await SocketPeer.connect(to: proxy.address)
            _ = try await server.peer()
            try await body(client, server, proxy)
            await client.close()
        }
        try await server.stop()
    }
}
