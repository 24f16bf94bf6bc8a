import MicroCore

extension EncodedMessage {
    /// Returns the message in compressed form.
    ///
    /// - Parameter compression: The format.
    /// - Returns: The compressed message, or `nil` if it goes as it is: it asks for that, is empty, or
    ///   compression would not make it smaller.
    func compressed(_ compression: Compression) -> EncodedMessage? {
        guard compression != .identity, !skipsCompression, !isEmpty else { return nil }
        let storage = withBytes { payload in
            payload.withUnsafeBytes { bytes in ZlibPool.of(compression).with { $0.compress(bytes) } ?? nil }
        }
        return storage.map(EncodedMessage.init(withHeadroom:))
    }

    /// Returns a message that came from a peer as it was before it was compressed.
    ///
    /// Anyone who reads the message calls this, not the connection that it came through: what waits to be read
    /// stays small, and takes no other call's time.
    ///
    /// - Parameter limit: The greatest length of a message.
    /// - Returns: The message, which still tells how it was compressed.
    /// - Throws: The error that its call ends with.
    @inline(__always)
    func restored(limit: Int) throws(MicroError) -> EncodedMessage {
        receivedCompression == .identity ? self : try restoredSlowly(limit: limit)
    }

    @inline(never)
    private func restoredSlowly(limit: Int) throws(MicroError) -> EncodedMessage {
        do throws(DecompressionFault) {
            let compression = receivedCompression
            let storage = try withBytes { (payload) throws(DecompressionFault) -> [UInt8]? in
                try payload.withUnsafeBytes { (bytes) throws(DecompressionFault) -> [UInt8]? in
                    try ZlibPool.inflaters.with { (inflater) throws(DecompressionFault) -> [UInt8] in
                        try inflater.restore(bytes, compression, limit: limit)
                    }
                }
            }
            guard let storage else { throw DecompressionFault.noMemory }
            var message = EncodedMessage(withHeadroom: storage)
            message.receivedCompression = compression
            return message
        } catch {
            throw error.error
        }
    }
}

/// Why a message can't be restored.
enum DecompressionFault: Error, Hashable {
    /// It isn't what it says to be.
    case corrupt(String)
    /// It ends too early.
    case truncated
    /// So many bytes follow its end.
    case trailing(Int)
    /// It would be longer than a message may be.
    case tooLong(limit: Int)
    /// The machine has no memory for it.
    case noMemory

    /// The error that the fault ends a call with.
    var error: MicroError {
        switch self {
        case .corrupt(let reason):
            MicroError(.internal, "The message can't be decompressed: \(reason).")
        case .truncated:
            MicroError(.internal, "The message can't be decompressed: it ends too early.")
        case .trailing(let count):
            MicroError(.internal, "The message can't be decompressed: \(count) bytes follow its end.")
        case .tooLong(let limit):
            MicroError(
                .resourceExhausted, "The message has more than \(limit) bytes once it is decompressed.")
        case .noMemory:
            MicroError(.resourceExhausted, "There is no memory to decompress the message.")
        }
    }
}
