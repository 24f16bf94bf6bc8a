import MicroCore
import MicroNIO
import NIOCore

/// A streaming call as its caller sees it, from whatever thread.
final class ClientStreamHandle: OutboundStream {
    private let stream: NIOLoopBound<ClientStream>
    private let loop: any EventLoop
    private let trailers: TrailingMetadata

    init(_ stream: ClientStream, loop: any EventLoop, trailers: TrailingMetadata) {
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

    func receive() async throws(MicroError) -> Message? {
        if loop.inEventLoop, let reading = stream.value.poll() { return try reading.get() }
        let stream = stream
        let reading: Inbox.Reading = await loop.suspend { continuation, isCancelled in
            if isCancelled { stream.value.cancel() }
            stream.value.wait(continuation)
        } onCancel: {
            stream.value.cancel()
        }
        return try reading.get()
    }

    func send(_ message: Message) async throws(MicroError) {
        let isSent = loop.inEventLoop
        if isSent {
            if let error = stream.value.send(message) { throw error }
            guard stream.value.isCongested else { return }
        }
        let stream = stream
        let error: MicroError? = await loop.suspend { continuation, isCancelled in
            if isCancelled { stream.value.cancel() }
            if !isSent, let error = stream.value.send(message) {
                return continuation.resume(returning: error)
            }
            stream.value.waitForRoom(continuation)
        } onCancel: {
            stream.value.cancel()
        }
        if let error { throw error }
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
