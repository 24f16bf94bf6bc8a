import MicroCore
import MicroNIO
import NIOCore

/// A streaming call as its handler sees it, from whatever thread.
final class ServerStreamHandle: InboundStream {
    private let stream: NIOLoopBound<ServerStream>
    private let loop: any EventLoop

    init(_ stream: ServerStream, loop: any EventLoop) {
        self.stream = NIOLoopBound(stream, eventLoop: loop)
        self.loop = loop
    }

    func receive() async throws(MicroError) -> Message? {
        if loop.inEventLoop, let reading = stream.value.poll() { return try reading.get() }
        let stream = stream
        let reading: Inbox.Reading = await loop.suspend { continuation, isCancelled in
            if isCancelled {
                continuation.resume(returning: .failure(MicroError(.cancelled, "Reading was cancelled.")))
            } else {
                stream.value.wait(continuation)
            }
        } onCancel: {
            stream.value.cancelReader()
        }
        return try reading.get()
    }

    func send(_ message: Message) async throws(MicroError) {
        if loop.inEventLoop {
            if let error = stream.value.send(message) { throw error }
            guard stream.value.isCongested else { return }
        }
        let isSent = loop.inEventLoop
        let stream = stream
        let error: MicroError? = await loop.suspend { continuation, isCancelled in
            if !isSent, let error = stream.value.send(message) {
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
        let stream = stream
        loop.run { stream.value.sendHead(metadata) }
    }
}
