import Foundation
import HTTP2TestPeer
import MicroCore
import NIOCore
import NIOEmbedded
import Testing

@testable import MicroGRPC
@testable import MicroHTTP2

/// Servers that allow fewer calls at once than a client makes: the rest waits on our side, in order, bounded, and
/// for no longer than its callers do.
@Suite(.timeLimit(.minutes(2))) struct StreamLimitTests {
    private func limit(_ count: UInt32) -> Frame { .settings((3, count)) }

    private func requests(_ frames: [Frame]) -> [UInt32] {
        frames.filter { $0.kind == .headers }.map(\.stream)
    }

    private func answer(_ stream: UInt32, _ client: EmbeddedClient) throws {
        for frame in ClientRule.answer(stream) { try client.receive(frame) }
    }

    /// Nothing stays of calls that expire unsent: no memory, and no stream's number.
    @Test func callsThatExpireUnsentAreGone() throws {
        let client = try EmbeddedClient(settings: limit(0))
        var calls: [ClientStream] = []
        for _ in 0..<500 {
            calls.append(client.call(timeout: .seconds(1), message: EncodedMessage([1])).stream)
        }
        #expect(client.status.activeCalls == 500)
        client.loop.advanceTime(to: .now() + .milliseconds(1500))
        for call in calls {
            #expect(call.failure?.status == .deadlineExceeded)
            #expect(call.failure?.processed == .no)
        }
        #expect(client.status.activeCalls == 0)
        #expect(client.connection.http2.counts.waitingBytes == 0)
        #expect(try requests(client.sent()) == [])
        try client.receive(limit(1))
        let next = client.call(message: EncodedMessage([1])).stream
        #expect(try requests(client.sent()) == [1])
        try answer(1, client)
        #expect(next.failure == nil)
        try client.close()
    }

    @Test func callsBeginInTheirOrderAsStreamsBecomeFree() throws {
        let client = try EmbeddedClient(settings: limit(2))
        let calls = (0..<5).map {
            client.call("/test.Test/\($0)", message: EncodedMessage([UInt8($0)])).stream
        }
        #expect(try requests(client.sent()) == [1, 3])
        // One that gives up leaves the line.
        calls[2].cancel()
        #expect(calls[2].failure?.status == .cancelled)
        #expect(calls[2].failure?.processed == .no)
        try answer(3, client)
        let third = try client.sent()
        #expect(requests(third) == [5])
        #expect(third.contains { $0.kind == .data && $0.payload == framed([3]) })
        // A newcomer does not overtake.
        _ = client.call(message: EncodedMessage([9]))
        try answer(1, client)
        #expect(try client.sent().contains { $0.kind == .data && $0.payload == framed([4]) })
        try answer(5, client)
        #expect(try client.sent().contains { $0.kind == .data && $0.payload == framed([9]) })
        #expect(client.status.activeCalls == 2)
        try client.close()
    }

    @Test func aHigherLimitLetsThoseThroughThatWait() throws {
        let client = try EmbeddedClient(settings: limit(1))
        for _ in 0..<5 { _ = client.call(message: EncodedMessage([1])) }
        #expect(try requests(client.sent()) == [1])
        try client.receive(limit(4))
        #expect(try requests(client.sent()) == [3, 5, 7])
        try client.close()
    }

    /// The time that is left is told when the request is sent.
    @Test func theTimeOfWaitingCounts() throws {
        let client = try EmbeddedClient(settings: limit(0))
        _ = client.call(timeout: .seconds(600), message: EncodedMessage([1]))
        usleep(30_000)
        try client.receive(limit(1))
        let request = try #require(try client.sent().first { $0.kind == .headers })
        let fields = try #require(HeaderInflater().fields(of: request.payload))
        let timeout = try #require(fields.first { $0.0 == "timeout" }.flatMap { Int64($0.1) })
        #expect(timeout <= 600_000_000_000 - 30_000_000)
        try client.close()
    }

    @Test func theLineIsBoundedInCallsAndInBytes() throws {
        var limits = GRPCLimits()
        limits.http2.maximumQueuedStreams = 3
        limits.http2.maximumWaitingBytes = 1000
        let client = try EmbeddedClient(limits, settings: limit(0))
        for _ in 0..<3 { #expect(client.call(message: EncodedMessage([1])).error == nil) }
        let error = client.call(message: EncodedMessage([1])).error
        #expect(error?.status == .unavailable)
        #expect(error?.processed == .no)
        #expect(client.status.activeCalls == 3)

        let other = try EmbeddedClient(limits, settings: limit(0))
        let long = other.call(message: EncodedMessage([UInt8](repeating: 1, count: 1001)))
        #expect(long.error == nil)
        #expect(other.call(message: EncodedMessage([1])).error?.processed == .no)
        long.stream.cancel()
        #expect(other.connection.http2.counts.waitingBytes == 0)
        #expect(other.call(message: EncodedMessage([1])).error == nil)
        try client.close()
        try other.close()
    }

    /// Streaming calls that wait don't collect messages beyond the bound, however many they are.
    @Test func sendersOfCallsThatWaitAreHeldUp() throws {
        var limits = GRPCLimits()
        limits.http2.maximumWaitingBytes = 1000
        let client = try EmbeddedClient(limits, settings: limit(0))
        let calls = (0..<2).map { _ in client.call().stream }
        for call in calls {
            #expect(call.send(EncodedMessage([UInt8](repeating: 1, count: 600)), isCompressed: false) == nil)
        }
        #expect(calls.map(\.isCongested) == [true, true])
        try client.receive(limit(2))
        #expect(try requests(client.sent()) == [1, 3])
        #expect(calls.map(\.isCongested) == [false, false])
        #expect(client.connection.http2.counts.waitingBytes == 0)
        try client.close()
    }

    /// A connection on which nothing may begin is given up, so that the calls can be made on another.
    @Test func aConnectionThatLetsNothingThroughIsGivenUp() throws {
        let client = try EmbeddedClient(settings: limit(0))
        let calls = (0..<3).map { _ in
            client.call(timeout: .seconds(600), message: EncodedMessage([1])).stream
        }
        client.loop.advanceTime(to: .now() + .milliseconds(100))
        #expect(client.status.isUsable)
        client.connection.http2.starvationDue = .now()
        client.loop.advanceTime(to: .now() + .seconds(10))
        for call in calls {
            #expect(call.failure?.status == .unavailable)
            #expect(call.failure?.processed == .no)
        }
        #expect(!client.status.isUsable)
        #expect(try client.sent().contains { $0.kind == .goAway })
        #expect(client.call().error?.processed == .no)
        try client.close()
    }

    /// Where calls run, those that wait have their turn later.
    @Test func aConnectionWithCallsIsNotGivenUp() throws {
        let client = try EmbeddedClient(settings: limit(1))
        for _ in 0..<3 { _ = client.call(message: EncodedMessage([1])) }
        #expect(client.connection.http2.starvationDue == nil)
        // The server takes its permission back, and the call that runs ends.
        try client.receive(limit(0))
        #expect(client.connection.http2.starvationDue == nil)
        try answer(1, client)
        #expect(client.connection.http2.starvationDue != nil)
        try client.receive(limit(1))
        #expect(client.connection.http2.starvationDue == nil)
        #expect(try requests(client.sent()) == [1, 3])
        try client.close()
    }

    @Test func aServerThatGoesAwayLeavesTheCallsThatWaitToOthers() throws {
        let client = try EmbeddedClient(settings: limit(1))
        let running = client.call(message: EncodedMessage([1])).stream
        let waiting = client.call(message: EncodedMessage([1])).stream
        try client.receive(Frame(.goAway, [0, 0, 0, 1, 0, 0, 0, 0]))
        #expect(waiting.failure?.status == .unavailable)
        #expect(waiting.failure?.processed == .no)
        try answer(1, client)
        #expect(running.failure == nil)
        try client.close()
    }

    @Test func aLostConnectionEndsTheCallsThatWait() throws {
        let client = try EmbeddedClient(settings: limit(1))
        let running = client.call(message: EncodedMessage([1])).stream
        let waiting = client.call(message: EncodedMessage([1])).stream
        try client.close()
        #expect(running.failure?.processed == .maybe)
        #expect(waiting.failure?.processed == .no)
        #expect(client.status.activeCalls == 0)
    }

    /// A connection that is to close when its calls have ended makes those, too, that wait.
    @Test func closingWaitsForTheCallsThatWait() throws {
        let client = try EmbeddedClient(settings: limit(1))
        for _ in 0..<2 { _ = client.call(message: EncodedMessage([1])) }
        client.connection.http2.leave()
        try answer(1, client)
        #expect(try requests(client.sent()) == [1, 3])
        try answer(3, client)
        #expect(try client.sent().contains { $0.kind == .goAway })
        try client.close()
    }

    @Test func placesOfCallsThatLeftAreUsedAgain() throws {
        let client = try EmbeddedClient(settings: limit(0))
        let first = client.call(message: EncodedMessage([0])).stream
        // The first one stays, and a thousand come and go behind it.
        for _ in 0..<1000 { client.call(message: EncodedMessage([1])).stream.cancel() }
        let last = client.call(message: EncodedMessage([2])).stream
        #expect(client.connection.http2.queue.count == 2)
        #expect(
            client.connection.http2.queue.streams.map(ObjectIdentifier.init)
                == [first, last].map(ObjectIdentifier.init))
        try client.receive(limit(5))
        #expect(try requests(client.sent()) == [1, 3])
        try client.close()
    }
}
