import Foundation
import MicroCore
import MicroTestSupport
import Testing

@testable import MicroRegistryEtcd

/// What can happen to an etcd, and to the way there.
///
/// Each test ends with the living service registered, and the dead one gone.
@Suite(.serialized, .timeLimit(.minutes(2))) struct FaultTests {
    @Test func survivesAKilledEtcd() async throws {
        let server = try await EtcdServer.started()
        try await Fleet.run(.init(addresses: [server.address])) { fleet in
            try await fleet.expect([fleet.alive, fleet.doomed])
            try await server.kill()
            await fleet.crashDoomed()
            // What is watched is known, also while etcd is away.
            #expect(try await fleet.observer.lookup("greeter").first?.nodes.count == 2)
            try await server.start()
            try await fleet.expect([fleet.alive])
        }
    }

    @Test func survivesTheLossOfAllData() async throws {
        let server = try await EtcdServer.started()
        try await Fleet.run(.init(addresses: [server.address])) { fleet in
            try await fleet.expect([fleet.alive, fleet.doomed])
            try await server.kill()
            try server.wipe()
            await fleet.crashDoomed()
            try await server.start()
            try await fleet.expect([fleet.alive])
        }
    }

    @Test func survivesAnEtcdThatHangsForLongerThanTheTimeToLive() async throws {
        let server = try await EtcdServer.started()
        var configuration = EtcdRegistry.Configuration(addresses: [server.address])
        configuration.timeout = .seconds(1)
        try await Fleet.run(configuration) { fleet in
            try await fleet.expect([fleet.alive, fleet.doomed])
            server.send(signal: SIGSTOP)
            await fleet.crashDoomed()
            try await Task.sleep(for: .seconds(3))
            server.send(signal: SIGCONT)
            try await fleet.expect([fleet.alive])
        }
    }

    @Test func survivesAPartitionLongerThanTheTimeToLive() async throws {
        let server = try await EtcdServer.started()
        let proxy = try await Proxy(to: server)
        try await Fleet.run(.init(addresses: [proxy.address], timeout: .seconds(1))) { fleet in
            try await fleet.expect([fleet.alive, fleet.doomed])
            proxy.stall()
            await fleet.crashDoomed()
            try await eventually("the leases expire") { try await server.keys().isEmpty }
            proxy.resume()
            try await fleet.expect([fleet.alive])
        }
    }

    @Test func listsAgainWhatWasCompactedWhileItWasAway() async throws {
        let server = try await EtcdServer.started()
        let proxy = try await Proxy(to: server)
        try await Fleet.run(.init(addresses: [proxy.address])) { fleet in
            try await fleet.expect([fleet.alive, fleet.doomed])
            try await proxy.cut()
            await fleet.crashDoomed()
            let other = Fleet.record("c", address: "127.0.0.1:9003")
            let value = String(decoding: other.json(), as: UTF8.self)
            for _ in 0..<5 { try await server.ctl(["put", "/micro/registry/greeter/greeter-c", value]) }
            try await eventually("the leases expire") { try await server.keys().count == 1 }
            let revision = try await server.revision()
            try await server.ctl(["compact", "\(revision)"])
            try await proxy.mend()
            try await fleet.expect([fleet.alive, other])
        }
    }

    @Test func losesNoEventWhileTheConnectionIsLost() async throws {
        let server = try await EtcdServer.started()
        let proxy = try await Proxy(to: server)
        let registry = EtcdRegistry(addresses: [proxy.address])
        try registry.prepare(.empty)
        try await withRunning(registry) {
            let changes = registry.watch("greeter").makeAsyncIterator()
            #expect(try await changes.next() == .synced)
            for step in 0..<3 {
                try await proxy.cut()
                let record = Fleet.record("n\(step)", address: "127.0.0.1:900\(step)")
                let value = String(decoding: record.json(), as: UTF8.self)
                try await server.ctl(["put", "/micro/registry/greeter/greeter-n\(step)", value])
                try await proxy.mend()
                #expect(try await changes.next() == .up(record))
            }
        }
    }

    @Test func survivesTheLossOfTheLeader() async throws {
        let cluster = try await EtcdCluster.started()
        let addresses = cluster.servers.map(\.address)
        try await Fleet.run(.init(addresses: addresses, timeout: .seconds(3))) { fleet in
            try await fleet.expect([fleet.alive, fleet.doomed])
            try await cluster.leader().kill()
            await fleet.crashDoomed()
            try await fleet.expect([fleet.alive])
        }
    }
}
