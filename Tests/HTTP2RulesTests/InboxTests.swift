import HTTP2TestPeer
import MicroCore
import Testing

@testable import MicroGRPC

/// Messages that come faster than they are read.
@Suite(.timeLimit(.minutes(2))) struct InboxTests {
    private func fill(_ inbox: inout Inbox, _ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { bytes in
            var rest = bytes
            while !inbox.isFull, let message = try inbox.next(from: &rest) { inbox.deliver(message) }
            inbox.buffer(rest)
        }
    }

    /// A window's worth of tiny messages is read in order, and opens the window when all are read.
    @Test func tinyMessagesKeepTheirOrder() throws {
        var inbox = Inbox(limit: 100)
        let messages = (0..<20_000).map {
            [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)]
        }
        let bytes = messages.flatMap { framed($0) }
        // In chunks that end inside of messages.
        for start in stride(from: 0, to: bytes.count, by: 1009) {
            let chunk = Array(bytes[start..<min(start + 1009, bytes.count)])
            try fill(&inbox, chunk)
            #expect(inbox.didReceive(chunk.count) == 0)
        }
        inbox.finish(.success(nil))
        var opened = 0
        for message in messages {
            let next = inbox.poll()
            let (reading, window) = try #require(next)
            let found = try reading.get()
            #expect(found?.bytes == message)
            opened += window
        }
        #expect(opened == bytes.count)
        let end = try inbox.poll()?.reading.get()
        #expect(end == nil)
    }

    @Test func faultsBehindWaitingMessagesAreFound() throws {
        for (tail, isFault) in [(framed([1], flag: 9), true), ([0, 0, 0], true), ([], false)] {
            var inbox = Inbox(limit: 100)
            try fill(&inbox, (0..<100).flatMap { _ in framed([7]) } + tail)
            inbox.finish(.success(nil))
            var read = 0
            var error: MicroError?
            while error == nil, let reading = inbox.poll()?.reading {
                switch reading {
                case .success(nil): error = MicroError(.ok, "")
                case .success: read += 1
                case .failure(let failure): error = failure
                }
            }
            #expect(error?.status == (isFault ? .internal : .ok))
            #expect(read >= 64)
        }
    }

    @Test func nothingIsKeptBehindTheEnd() throws {
        var inbox = Inbox(limit: 100)
        inbox.finish(.failure(MicroError(.cancelled, "over")))
        try fill(&inbox, [0, 0, 0])
        #expect(!inbox.isFull)
    }
}
