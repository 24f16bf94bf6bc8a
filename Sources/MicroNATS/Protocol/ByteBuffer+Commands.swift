internal import NIOCore

/// What a client says.
extension ByteBuffer {
    /// Appends a message: the line that was prepared for it, its headers and its payload.
    mutating func writeMessage<Payload: CommandPayload>(
        _ payload: Payload, line: [UInt8], headers: [UInt8]?
    ) {
        let length = line.count + (headers?.count ?? 0) + payload.byteCount + 2
        // Many small writes would each check the buffer again. The closure writes exactly `length` bytes into
        // memory of at least as many, and no pointer outlives it.
        writeWithUnsafeMutableBytes(minimumWritableBytes: length) { memory in
            let all = UnsafeMutableRawBufferPointer(rebasing: memory[..<length])
            line.withUnsafeBytes { all.copyMemory(from: $0) }
            let behindLine = UnsafeMutableRawBufferPointer(rebasing: all[line.count...])
            headers?.withUnsafeBytes { behindLine.copyMemory(from: $0) }
            let body = UnsafeMutableRawBufferPointer(rebasing: behindLine[(headers?.count ?? 0)...])
            payload.withPayload { body.copyMemory(from: $0) }
            all[length - 2] = 0x0D
            all[length - 1] = 0x0A
            return length
        }
    }

    /// Appends `SUB subject [queue] sid`.
    mutating func writeSubscribe(_ subject: String, queue: String?, number: UInt64) {
        writeString("SUB \(subject) \(queue.map { $0 + " " } ?? "")\(number)\r\n")
    }

    /// Appends `UNSUB sid`.
    mutating func writeUnsubscribe(_ number: UInt64) { writeString("UNSUB \(number)\r\n") }
}

/// The line of a message: `PUB subject [reply] size`, or `HPUB` with the size of the headers as well.
enum PublishLine {
    /// Writes a line in place of another one.
    ///
    /// - Parameters:
    ///   - line: The line.
    ///   - subject: The subject.
    ///   - reply: The subject to which answers go, or what stands before the request's number in it.
    ///   - request: The number of the request.
    ///   - headerLength: The number of bytes of the headers, if there are any.
    ///   - length: The number of bytes of headers and payload.
    static func write(
        _ line: inout [UInt8], subject: String, reply: String?, request: UInt64? = nil, headerLength: Int?,
        length: Int
    ) {
        line.removeAll(keepingCapacity: true)
        line.append(contentsOf: headerLength == nil ? pub : hpub)
        line.append(contentsOf: subject.utf8)
        line.append(UInt8(ascii: " "))
        if let reply {
            line.append(contentsOf: reply.utf8)
            if let request { append(request, to: &line) }
            line.append(UInt8(ascii: " "))
        }
        if let headerLength {
            append(UInt64(headerLength), to: &line)
            line.append(UInt8(ascii: " "))
        }
        append(UInt64(length), to: &line)
        line.append(0x0D)
        line.append(0x0A)
    }

    private static let pub = Array("PUB ".utf8)
    private static let hpub = Array("HPUB ".utf8)

    /// Appends a number in digits.
    private static func append(_ number: UInt64, to line: inout [UInt8]) {
        var scale: UInt64 = 1
        while number / scale >= 10 { scale *= 10 }
        while scale > 0 {
            line.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / scale % 10))
            scale /= 10
        }
    }
}

/// What can be a message's payload.
protocol CommandPayload {
    var byteCount: Int { get }

    /// Calls a closure with the bytes, which are valid meanwhile.
    func withPayload(_ body: (UnsafeRawBufferPointer) -> Void)
}

extension ByteBuffer: CommandPayload {
    var byteCount: Int { readableBytes }
    func withPayload(_ body: (UnsafeRawBufferPointer) -> Void) { withUnsafeReadableBytes(body) }
}

extension [UInt8]: CommandPayload {
    var byteCount: Int { count }
    func withPayload(_ body: (UnsafeRawBufferPointer) -> Void) { withUnsafeBytes(body) }
}
