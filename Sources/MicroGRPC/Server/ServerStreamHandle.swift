import MicroCore
import MicroHTTP2
import MicroNIO
import NIOCore
import Synchronization

/// A streaming call as its handler sees it, from whatever thread.
final class ServerStreamHandle: ServerCallStream, StreamHandle {
    let stream: NIOLoopBound<ServerStream>
    let loop: any EventLoop
    let limit: Int
    private let accepted: CompressionSet

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

    func send(_ message: EncodedMessage) async throws(MicroError) {
        let compression = head.load(ordering: .relaxed).compression
        if compression == .identity {
            head.store(.identity, ordering: .relaxed)
        } else if message.count <= limit, let compressed = message.compressed(compression) {
            return try await write(compressed, isCompressed: true)
        }
        try await write(message, isCompressed: false)
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
