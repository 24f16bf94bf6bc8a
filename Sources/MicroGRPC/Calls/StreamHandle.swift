import MicroCore
import MicroNIO
import NIOCore

/// A streaming call as a handler or a caller sees it, from whatever thread.
protocol StreamHandle: AnyObject, Sendable {
    associatedtype Stream: CallStream

    /// The call, and where it lives.
    var stream: NIOLoopBound<Stream> { get }
    var loop: any EventLoop { get }

    /// The greatest length of a message.
    var limit: Int { get }
}

extension StreamHandle {
    /// Returns the next message, or `nil` behind the last.
    func receive() async throws(MicroError) -> EncodedMessage? {
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
                guard Stream.endsWithTask else {
                    let error = MicroError(.cancelled, "Reading was cancelled.")
                    return continuation.resume(returning: .failure(error))
                }
                stream.value.cancelReading()
            }
            stream.value.wait(continuation)
        } onCancel: {
            stream.value.cancelReading()
        }
    }

    /// Sends a message, and waits until less waits to be sent if that is much.
    func write(_ message: EncodedMessage, isCompressed: Bool) async throws(MicroError) {
        let isSent = loop.inEventLoop
        if isSent {
            if let error = stream.value.send(message, isCompressed: isCompressed) { throw error }
            guard stream.value.isCongested else { return }
        }
        let stream = stream
        let error: MicroError? = await loop.suspend { continuation, isCancelled in
            if isCancelled, Stream.endsWithTask { stream.value.cancelSending() }
            if !isSent, let error = stream.value.send(message, isCompressed: isCompressed) {
                return continuation.resume(returning: error)
            }
            if isCancelled, stream.value.isCongested {
                return continuation.resume(returning: MicroError(.cancelled, "Sending was cancelled."))
            }
            stream.value.waitForRoom(continuation)
        } onCancel: {
            stream.value.cancelSending()
        }
        if let error { throw error }
    }
}
