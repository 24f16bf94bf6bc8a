import MicroCore
import MicroTransportHTTP2
import Synchronization

@testable import MicroRegistryEtcd

/// An etcd that says what no real one would.
final class StubEtcd: CallHandler {
    /// What it answers; each is given the number of the call among its kind, from 0 on.
    struct Script: Sendable {
        var range: @Sendable (EtcdRangeRequest, Int) throws(MicroError) -> EtcdRangeResponse = { _, _ in
            var response = EtcdRangeResponse()
            response.header.revision = 1
            return response
        }
        var watch: @Sendable (Int) -> [EtcdWatchResponse] = { _ in [] }
        var lease: @Sendable () -> EtcdLeaseGrantResponse = {
            var response = EtcdLeaseGrantResponse()
            (response.id, response.ttl) = (7, 60)
            return response
        }
        var renewal: @Sendable () -> Int64 = { 60 }
    }

    private let script: Script
    private let counts = Mutex<[String: Int]>([:])

    init(_ script: Script) { self.script = script }

    /// How many calls of a path have come, such as `/etcdserverpb.KV/Range`.
    func count(_ path: String) -> Int { counts.withLock { $0[path] ?? 0 } }

    /// Runs a registry that uses it.
    static func run(
        _ script: Script, timeout: Duration = .seconds(1),
        _ body: @escaping @Sendable (EtcdRegistry, StubEtcd) async throws -> Void
    ) async throws {
        let stub = StubEtcd(script)
        let listener = try await HTTP2Transport().listen(on: .host("127.0.0.1", port: 0), handler: stub)
        let registry = EtcdRegistry(
            configuration: .init(addresses: ["\(listener.address)"], timeout: timeout))
        try registry.prepare(.empty)
        do {
            try await withRunning(registry) { try await body(registry, stub) }
        } catch {
            await listener.shutdown(deadline: .now)
            throw error
        }
        await listener.shutdown(deadline: .now)
    }

    func accept(_ head: CallHead) -> Acceptance {
        let number = counts.withLock { counts in
            defer { counts[head.path, default: 0] += 1 }
            return counts[head.path] ?? 0
        }
        switch head.path {
        case "/etcdserverpb.KV/Range":
            return .unary(
                { [script] _, message throws(MicroError) in
                    let request: EtcdRangeRequest = try EtcdCoding.decode(message)
                    return UnaryReply(try EtcdCoding.encode(try script.range(request, number)))
                }, Placement(.globalPool))
        case "/etcdserverpb.Lease/LeaseGrant":
            return .unary(
                { [script] _, _ throws(MicroError) in UnaryReply(try EtcdCoding.encode(script.lease())) },
                Placement(.globalPool))
        case "/etcdserverpb.Watch/Watch":
            return .stream(
                { [script] _, stream throws(MicroError) in
                    guard try await stream.receive() != nil else { return Metadata() }
                    for response in script.watch(number) {
                        try await stream.send(try EtcdCoding.encode(response))
                    }
                    while try await stream.receive() != nil {}
                    return Metadata()
                }, Placement(.globalPool))
        case "/etcdserverpb.Lease/LeaseKeepAlive":
            return .stream(
                { [script] _, stream throws(MicroError) in
                    while let message = try await stream.receive() {
                        let request: EtcdLeaseKeepAliveRequest = try EtcdCoding.decode(message)
                        var response = EtcdLeaseKeepAliveResponse()
                        (response.id, response.ttl) = (request.id, script.renewal())
                        try await stream.send(try EtcdCoding.encode(response))
                    }
                    return Metadata()
                }, Placement(.globalPool))
        default:
            // The answers to the others have nothing in them that anybody reads.
            return .unary({ _, _ throws(MicroError) in UnaryReply(Message()) }, Placement(.globalPool))
        }
    }
}
