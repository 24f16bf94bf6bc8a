import EtcdTestSupport
import Foundation
import MicroCore
import MicroTestSupport
import MicroWire
import Testing

@testable import MicroRegistryEtcd

/// What a registry says at its start, and how it finds an etcd that comes later.
@Suite(.serialized, .timeLimit(.minutes(1))) struct StartTests {
    private let record = Fleet.record("a", address: "127.0.0.1:9001")

    @Test func namesTheAddressThatCannotBeReached() async throws {
        let port = try FreePort.tcp()
        let registry = EtcdRegistry(
            configuration: .init(addresses: ["127.0.0.1:\(port)"], timeout: .milliseconds(500)))
        try registry.prepare(.empty)
        let error = try await #require(throws: MicroError.self) {
            try await withRunning(registry) { try await registry.register(self.record, timeToLive: nil) }
        }
        #expect(error.status == .unavailable && error.processed == .no)
        #expect(error.detail.contains("127.0.0.1:\(port): connection refused"), "\(error)")
    }

    @Test func namesTheAddressThatDoesNotAnswer() async throws {
        let server = try await EtcdServer.started()
        server.send(signal: SIGSTOP)
        let registry = EtcdRegistry(
            configuration: .init(addresses: [server.address], timeout: .milliseconds(500)))
        try registry.prepare(.empty)
        let error = try await #require(throws: MicroError.self) {
            try await withRunning(registry) { try await registry.lookup("greeter") }
        }
        #expect(error.status == .unavailable && error.detail.contains(server.address), "\(error)")
    }

    @Test func saysThatItDoesNotRun() async throws {
        let registry = EtcdRegistry(
            configuration: .init(addresses: ["127.0.0.1"], timeout: .milliseconds(100)))
        let error = try await #require(throws: MicroError.self) { try await registry.lookup("greeter") }
        #expect(error.detail.contains("run()"))
    }

    @Test func registersWithAnEtcdThatStartsLater() async throws {
        let server = try EtcdServer()
        let registry = EtcdRegistry(
            configuration: .init(addresses: [server.address], timeout: .milliseconds(500)))
        try registry.prepare(.empty)
        try await withRunning(registry) {
            await #expect(throws: MicroError.self) {
                try await registry.register(record, timeToLive: .seconds(60))
            }
            try await server.start()
            // Nobody repeats the registration: what was asked for is brought about.
            try await eventually("the node is registered") { try await server.keys().count == 1 }
        }
    }

    @Test func anotherMemberTakesOverFromOneThatIsAway() async throws {
        let server = try await EtcdServer.started()
        let away = "127.0.0.1:\(try FreePort.tcp())"
        for addresses in [[away, server.address], [server.address, away]] {
            let registry = EtcdRegistry(configuration: .init(addresses: addresses))
            try registry.prepare(.empty)
            #expect(try await withRunning(registry) { try await registry.services() } == [])
        }
    }

    @Test func canBeRunAgain() async throws {
        let server = try await EtcdServer.started()
        let registry = try makeRegistry(server)
        for _ in 0..<2 {
            try await withRunning(registry) {
                try await eventually("the run has begun") { try await isStopped(registry) == false }
                try await registry.register(record, timeToLive: .seconds(60))
                #expect(try await registry.lookup("greeter") == [record])
            }
            // The lease was given back, and with it the node.
            #expect(try await server.keys() == [])
            #expect(try await isStopped(registry))
        }
    }

    /// Whether calls fail because a run has ended, and no other has begun.
    private func isStopped(_ registry: EtcdRegistry) async throws -> Bool {
        do {
            _ = try await registry.lookup("greeter")
            return false
        } catch let error as MicroError where error.detail.contains("has been stopped") {
            return true
        }
    }

    @Test func aWatchGoesOnWithTheNextRun() async throws {
        let server = try await EtcdServer.started()
        let registry = try makeRegistry(server)
        let watch = registry.watch("greeter")
        try await withRunning(registry) {
            let change = try await watch.makeAsyncIterator().next()
            #expect(change == .synced)
        }
        let value = String(decoding: record.json(), as: UTF8.self)
        try await server.ctl(["put", "/micro/registry/greeter/greeter-a", value])
        try await withRunning(registry) {
            let change = try await watch.makeAsyncIterator().next()
            #expect(change == .up(record))
        }
    }

    @Test func runningTwiceIsAClearError() async throws {
        let server = try await EtcdServer.started()
        let registry = try makeRegistry(server)
        try await withRunning(registry) {
            try await registry.register(record, timeToLive: .seconds(60))
            let error = await #expect(throws: StartError.self) { try await registry.run() }
            #expect(error?.message.contains("run twice") == true)
            #expect(try await registry.lookup("greeter") == [record])
        }
    }

    @Test func cancellingEndsACallThatWaits() async throws {
        let registry = EtcdRegistry(configuration: .init(addresses: ["127.0.0.1"], timeout: .seconds(60)))
        let error = await withTaskGroup(of: (any Error)?.self) { group in
            group.addTask {
                do {
                    try await registry.register(record, timeToLive: nil)
                    return nil
                } catch {
                    return error
                }
            }
            try? await Task.sleep(for: .milliseconds(50))
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect((error as? MicroError)?.status == .cancelled)
    }
}
