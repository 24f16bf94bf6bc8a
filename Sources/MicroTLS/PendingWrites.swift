internal import NIOCore

/// What has been written and not yet encrypted.
///
/// Small writes are joined, since each record costs some thirty bytes and a microsecond.
struct PendingWrites {
    private(set) var buffers: [ByteBuffer] = []
    private(set) var byteCount = 0
    private var promises: [EventLoopPromise<Void>] = []

    /// Whether nothing is pending, not even a promise.
    var isEmpty: Bool { buffers.isEmpty && promises.isEmpty }

    /// Adds a write.
    ///
    /// - Parameters:
    ///   - buffer: The plain bytes.
    ///   - promise: What to fulfil when they are written to the socket.
    mutating func append(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        if let promise { promises.append(promise) }
        let count = buffer.readableBytes
        guard count > 0 else { return }
        byteCount += count
        let last = buffers.endIndex - 1
        if last >= 0, buffers[last].readableBytes + count <= TLSSession.maximumRecord {
            buffers[last].writeImmutableBuffer(buffer)
        } else {
            buffers.append(buffer)
        }
    }

    /// Takes everything.
    ///
    /// - Returns: What was pending.
    mutating func take() -> Self {
        defer { self = Self() }
        return self
    }

    /// Makes one promise of all.
    ///
    /// - Parameter loop: The loop of the connection.
    /// - Returns: A promise that fulfils the others, or `nil` if there are none.
    func promise(on loop: any EventLoop) -> EventLoopPromise<Void>? {
        guard promises.count > 1 else { return promises.first }
        let all = loop.makePromise(of: Void.self)
        let promises = promises
        all.futureResult.whenComplete { result in
            for promise in promises { promise.completeWith(result) }
        }
        return all
    }

    /// Fails all promises.
    ///
    /// - Parameter error: Why nothing was written.
    func fail(_ error: any Error) {
        for promise in promises { promise.fail(error) }
    }
}
