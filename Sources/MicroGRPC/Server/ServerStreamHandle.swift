import MicroCore
import MicroNIO
import NIOCore
import Synchronization

/// A streaming call as its handler sees it, from whatever thread.
final class ServerStreamHandle: InboundStream {
    private let stream: NIOLoopBound<ServerStream>
    private let loop: any EventLoop
    private let accepted: CompressionSet
    private let limit: Int

    /// Whether the metadata were sent, and how the messages behind them are compressed.
    ///
    /// Only the task that writes touches it.
    private let head = Atomic(Head.open)

    private enum Head: UInt8, AtomicRepresentable {
        case open, identity, gzip, deflate

        init(_ compression: Compression) {
            self =
                switch compression {
                case .identity: .identity
                case .gzip: .gzip
                case .deflate: .deflate
                }
        }

        var compression: Compression {
            switch self {
            case .open, .identity: .identity
            case .gzip: .gzip
            case .deflate: .deflate
            }
        }
    }

    init(_ stream: ServerStream, loop: any EventLoop, accepted: CompressionSet, limit: Int) {
        self.stream = NIOLoopBound(stream, eventLoop: loop)
        self.loop = loop
        self.accepted = accepted
        self.limit = limit
    }

    func receive() async throws(MicroError) -> Message? {
        guard let message = try await read().get() else { return nil }
        do throws(MicroError) {
            return try message.restored(limit: limit)
        } catch {
            let (stream, failure) = (stream, error)
            loop.run { stream.value.failReading(failure) }
            throw error
        }
    }

    private func read() async -> Inbox.Reading {
        if loop.inEventLoop, let reading = stream.value.poll() { return reading }
        let stream = stream
        return await loop.suspend { continuation, isCancelled in
            if isCancelled {
                continuation.resume(returning: .failure(MicroError(.cancelled, "Reading was cancelled.")))
            } else {
                stream.value.wait(continuation)
            }
        } onCancel: {
            stream.value.cancelReader()
        }
    }

    func send(_ message: Message) async throws(MicroError) {
        let compression = head.load(ordering: .relaxed).compression
        if compression == .identity {
            head.store(.identity, ordering: .relaxed)
        } else if message.count <= limit, let compressed = message.compressed(compression) {
            return try await write(compressed, isCompressed: true)
        }
        try await write(message, isCompressed: false)
    }

    private func write(_ message: Message, isCompressed: Bool) async throws(MicroError) {
        if loop.inEventLoop {
            if let error = stream.value.send(message, isCompressed: isCompressed) { throw error }
            guard stream.value.isCongested else { return }
        }
        let isSent = loop.inEventLoop
        let stream = stream
        let error: MicroError? = await loop.suspend { continuation, isCancelled in
            if !isSent, let error = stream.value.send(message, isCompressed: isCompressed) {
                return continuation.resume(returning: error)
            }
            guard !isCancelled else {
                let error = MicroError(.cancelled, "Sending was cancelled.")
                return continuation.resume(returning: stream.value.isCongested ? error : nil)
            }
            stream.value.waitForRoom(continuation)
        } onCancel: {
            stream.value.resumeSender(MicroError(.cancelled, "Sending was cancelled."))
        }
        if let error { throw error }
    }

    func sendMetadata(_ metadata: Metadata) async throws(MicroError) {
        try await sendMetadata(metadata, compression: .identity)
    }

    func sendMetadata(_ metadata: Metadata, compression: Compression) async throws(MicroError) {
        guard head.load(ordering: .relaxed) == .open else { return }
        if let error = MetadataRules.violation(in: metadata, status: .internal) { throw error }
        let compression = accepted.allows(compression) ? compression : .identity
        head.store(Head(compression), ordering: .relaxed)
        let stream = stream
        loop.run { stream.value.sendHead(metadata, compression) }
    }
}
