import EtcdTestSupport
import Foundation
import MicroCore
import MicroTestSupport
import MicroTesting
import MicroWire
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
        try await withFaultProxy(to: server.address) { proxy in
            try await Fleet.run(.init(addresses: [proxy.address], timeout: .seconds(1))) { fleet in
                try await fleet.expect([fleet.alive, fleet.doomed])
                await proxy.partition()
                await fleet.crashDoomed()
                try await eventually("the leases expire") { try await server.keys().isEmpty }
                await proxy.restore()
                try await fleet.expect([fleet.alive])
            }
        }
    }

    @Test func listsAgainWhatWasCompactedWhileItWasAway() async throws {
        let server = try await EtcdServer.started()
        try await withFaultProxy(to: server.address) { proxy in
            try await Fleet.run(.init(addresses: [proxy.address])) { fleet in
                try await fleet.expect([fleet.alive, fleet.doomed])
                await proxy.cut(refusingNew: true)
                await fleet.crashDoomed()
                let other = Fleet.record("c", address: "127.0.0.1:9003")
                let value = String(decoding: other.json(), as: UTF8.self)
                for _ in 0..<5 { try await server.ctl(["put", "/micro/registry/greeter/greeter-c", value]) }
                try await eventually("the leases expire") { try await server.keys().count == 1 }
                let revision = try await server.revision()
                try await server.ctl(["compact", "\(revision)"])
                await proxy.restore()
                try await fleet.expect([fleet.alive, other])
            }
        }
    }

    @Test func losesNoEventWhileTheConnectionIsLost() async throws {
        let server = try await EtcdServer.started()
        try await withFaultProxy(to: server.address) { proxy in
            let registry = EtcdRegistry(addresses: [proxy.address])
            try registry.prepare(.empty)
            try await withRunning(registry) {
                let changes = registry.watch("greeter").makeAsyncIterator()
                #expect(try await changes.next() == .synced)
                for step in 0..<3 {
                    await proxy.cut(refusingNew: true)
                    let record = Fleet.record("n\(step)", address: "127.0.0.1:900\(step)")
                    let value = String(decoding: record.json(), as: UTF8.self)
                    try await server.ctl(["put", "/micro/registry/greeter/greeter-n\(step)", value])
                    await proxy.restore()
                    #expect(try await changes.next() == .up(record))
                }
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

    /// A Put takes two writes to the disk, and a lease as many.
    @Test func survivesASlowDisk() async throws {
        let server = try await EtcdServer.started(.init(diskDelay: .milliseconds(300)))
        try await Fleet.run(.init(addresses: [server.address]), timeToLive: .seconds(3)) { fleet in
            try await fleet.expect([fleet.alive, fleet.doomed])
            let revision = try await server.revision()
            // More than the time to live, and several heartbeats of each service.
            try await Task.sleep(for: .seconds(4))
            #expect(try await server.revision() == revision)
            #expect(try await server.ctl(["lease", "list"]).contains("found 2 leases"))
            await fleet.crashDoomed()
            try await fleet.expect([fleet.alive])
            #expect(try await server.revision() == revision + 1)
        }
    }

    /// An etcd that needs more than the time to live for an answer: a node that is being registered all the
    /// while has not been given up.
    @Test func aRegistrationMayTakeLongerThanItsTimeToLive() async throws {
        let server = try await EtcdServer.started()
        try await withFaultProxy(to: server.address) { proxy in
            let registry = EtcdRegistry(addresses: [proxy.address])
            try registry.prepare(.empty)
            try await withRunning(registry) {
                let record = Fleet.record("a", address: "127.0.0.1:9001")
                // The lease remains, and is kept alive: requests pass all the while.
                try await registry.register(record, timeToLive: .seconds(1))
                try await registry.deregister(record)
                let revision = try await server.revision()
                await proxy.set(.stalled, .toClient)
                async let registration: Void = registry.register(record, timeToLive: .seconds(1))
                try await Task.sleep(for: .seconds(2))
                await proxy.restore()
                try await registration
                #expect(try await server.keys() == ["/micro/registry/greeter/greeter-a"])
                #expect(try await server.revision() == revision + 1)
            }
        }
    }

    /// A disk that is slower than the time limit of a call: what it was asked for comes about all the same.
    @Test func writesOnceWhatIsNotAnsweredInTime() async throws {
        let server = try await EtcdServer.started()
        try await withFaultProxy(to: server.address) { proxy in
            let registry = EtcdRegistry(
                configuration: .init(addresses: [proxy.address], timeout: .seconds(1)))
            try registry.prepare(.empty)
            let record = Fleet.record("a", address: "127.0.0.1:9001")
            try await withRunning(registry) {
                try await registry.register(record, timeToLive: .seconds(60))
                let revision = try await server.revision()
                var changed = record
                changed.nodes[0].address = "127.0.0.1:9002"
                await proxy.set(.stalled, .toClient)
                for _ in 0..<2 {
                    await #expect(throws: MicroError.self) {
                        try await registry.register(changed, timeToLive: .seconds(60))
                    }
                }
                await proxy.restore()
                try await registry.register(changed, timeToLive: .seconds(60))
                #expect(try await registry.lookup("greeter") == [changed])
                #expect(try await server.revision() == revision + 1)
            }
        }
    }
}
