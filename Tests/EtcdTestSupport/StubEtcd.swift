package import MicroCore
package import MicroEtcd
import MicroTransportHTTP2
import Synchronization

/// An etcd that says what no real one would.
package final class StubEtcd: CallHandler {
    /// What it answers; each is given the number of the call among its kind, from 0 on.
    package struct Script: Sendable {
        package var range: @Sendable (EtcdPBRangeRequest, Int) throws(MicroError) -> EtcdPBRangeResponse = {
            _, _ in
            var response = EtcdPBRangeResponse()
            response.header.revision = 1
            return response
        }
        package var watch: @Sendable (Int) -> [EtcdPBWatchResponse] = { _ in [] }
        package var lease: @Sendable () -> EtcdPBLeaseGrantResponse = {
            var response = EtcdPBLeaseGrantResponse()
            (response.id, response.ttl) = (7, 60)
            return response
        }
        package var renewal: @Sendable () -> Int64 = { 60 }

        /// Creates a script of an etcd that has nothing.
        package init() {}
    }

    private let script: Script
    private let counts = Mutex<[String: Int]>([:])

    /// Creates one.
    package init(_ script: Script) { self.script = script }

    /// How many calls of a path have come, such as `/etcdserverpb.KV/Range`.
    package func count(_ path: String) -> Int { counts.withLock { $0[path] ?? 0 } }

    /// Answers calls while a closure runs, which is given the address.
    package func serve(_ body: (_ address: String) async throws -> Void) async throws {
        let listener = try await HTTP2Transport().listen(on: .host("127.0.0.1", port: 0), handler: self)
        do {
            try await body("\(listener.address)")
        } catch {
            await listener.shutdown(deadline: .now)
            throw error
        }
        await listener.shutdown(deadline: .now)
    }

    package func accept(_ head: CallHead) -> CallDecision {
        let number = counts.withLock { counts in
            defer { counts[head.path, default: 0] += 1 }
            return counts[head.path] ?? 0
        }
        switch head.path {
        case "/etcdserverpb.KV/Range":
            return .unary(
                { [script] _, message throws(MicroError) in
                    let request: EtcdPBRangeRequest = try EtcdCoding.decode(message)
                    return UnaryReply(try EtcdCoding.encode(try script.range(request, number)))
                }, ExecutionPolicy(.globalPool))
        case "/etcdserverpb.Lease/LeaseGrant":
            return .unary(
                { [script] _, _ throws(MicroError) in UnaryReply(try EtcdCoding.encode(script.lease())) },
                ExecutionPolicy(.globalPool))
        case "/etcdserverpb.Watch/Watch":
            return .stream(
                { [script] _, stream throws(MicroError) in
                    guard try await stream.receive() != nil else { return Metadata() }
                    for response in script.watch(number) {
                        try await stream.send(try EtcdCoding.encode(response))
                    }
                    while try await stream.receive() != nil {}
                    return Metadata()
                }, ExecutionPolicy(.globalPool))
        case "/etcdserverpb.Lease/LeaseKeepAlive":
            return .stream(
                { [script] _, stream throws(MicroError) in
                    while let message = try await stream.receive() {
                        let request: EtcdPBLeaseKeepAliveRequest = try EtcdCoding.decode(message)
                        var response = EtcdPBLeaseKeepAliveResponse()
                        (response.id, response.ttl) = (request.id, script.renewal())
                        try await stream.send(try EtcdCoding.encode(response))
                    }
                    return Metadata()
                }, ExecutionPolicy(.globalPool))
        default:
            // The answers to the others have nothing in them that anybody reads.
            return .unary(
                { _, _ throws(MicroError) in UnaryReply(EncodedMessage()) }, ExecutionPolicy(.globalPool))
        }
    }
}
