import MicroCore
import MicroHTTP2
import MicroNIO
import NIOCore

/// A streaming call as its caller sees it, from whatever thread.
final class ClientStreamHandle: ClientCallStream, StreamHandle {
    let stream: NIOLoopBound<ClientStream>
    let loop: any EventLoop
    let limit: Int
    private let trailers: TrailingMetadata
    private let compression: Compression

    /// Creates a handle.
    ///
    /// - Parameters:
    ///   - stream: The call.
    ///   - loop: Where it lives.
    ///   - trailers: Where its trailing metadata will be.
    ///   - compression: How requests are compressed.
    ///   - limit: The greatest length of a message.
    init(
        _ stream: ClientStream, loop: any EventLoop, trailers: TrailingMetadata, compression: Compression,
        limit: Int
    ) {
        self.compression = compression
        self.limit = limit
        self.stream = NIOLoopBound(stream, eventLoop: loop)
        self.loop = loop
        self.trailers = trailers
    }

    // A call that nobody can read or end any more is reset.
    deinit { cancel() }

    var trailingMetadata: Metadata { trailers.value }

    func cancel() {
        let stream = stream
        loop.run { stream.value.cancel() }
    }

    func send(_ message: EncodedMessage) async throws(MicroError) {
        if compression != .identity, message.count <= limit, let compressed = message.compressed(compression)
        {
            return try await write(compressed, isCompressed: true)
        }
        try await write(message, isCompressed: false)
    }

    func finish() async throws(MicroError) {
        let stream = stream
        let error: MicroError? =
            if loop.inEventLoop {
                stream.value.finishRequest()
            } else {
                await loop.suspend { continuation, _ in
                    continuation.resume(returning: stream.value.finishRequest())
                } onCancel: {
                    stream.value.cancel()
                }
            }
        if let error { throw error }
    }

    func metadata() async throws(MicroError) -> Metadata {
        let stream = stream
        let result: Result<Metadata, MicroError> = await loop.suspend { continuation, isCancelled in
            if isCancelled { stream.value.cancel() }
            stream.value.waitForHead(continuation)
        } onCancel: {
            stream.value.cancel()
        }
        return try result.get()
    }
}
