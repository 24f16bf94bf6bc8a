internal import NIOCore

/// What a client says.
extension ByteBuffer {
    /// Appends `PUB subject [reply] size` or, with headers, `HPUB`, and the payload.
    mutating func writePublish<Payload: CommandPayload>(
        _ payload: Payload, subject: String, reply: String?, headers: [UInt8]?
    ) {
        let length = payload.byteCount + (headers?.count ?? 0)
        let line = subject.utf8.count + (reply?.utf8.count ?? 0) + 32
        writeWithOutputRawSpan(minimumWritableBytes: line + length) { output in
            output.append(headers == nil ? "PUB " : "HPUB ")
            output.append(subject)
            output.append(UInt8(ascii: " "))
            if let reply {
                output.append(reply)
                output.append(UInt8(ascii: " "))
            }
            if let headers {
                output.append(decimal: headers.count)
                output.append(UInt8(ascii: " "))
            }
            output.append(decimal: length)
            output.appendLineEnd()
        }
        if let headers { writeBytes(headers) }
        payload.write(to: &self)
        writeInteger(UInt16(0x0D0A))
    }

    /// Appends `SUB subject [queue] sid`.
    mutating func writeSubscribe(_ subject: String, queue: String?, number: UInt64) {
        writeString("SUB \(subject) \(queue.map { $0 + " " } ?? "")\(number)\r\n")
    }

    /// Appends `UNSUB sid`.
    mutating func writeUnsubscribe(_ number: UInt64) { writeString("UNSUB \(number)\r\n") }
}

extension OutputRawSpan {
    /// Appends text; what has no room is left out.
    fileprivate mutating func append(_ text: String) {
        for byte in text.utf8 where freeCapacity > 0 { append(byte) }
    }

    fileprivate mutating func appendLineEnd() {
        append(0x0D)
        append(0x0A)
    }

    /// Appends a number that isn't negative, in digits.
    fileprivate mutating func append(decimal number: Int) {
        var scale = 1
        while number / scale >= 10 { scale *= 10 }
        while scale > 0 {
            append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / scale % 10))
            scale /= 10
        }
    }
}

/// What can be a message's payload.
protocol CommandPayload {
    var byteCount: Int { get }
    func write(to buffer: inout ByteBuffer)
}

extension ByteBuffer: CommandPayload {
    var byteCount: Int { readableBytes }
    func write(to buffer: inout ByteBuffer) { buffer.writeImmutableBuffer(self) }
}

extension [UInt8]: CommandPayload {
    var byteCount: Int { count }
    func write(to buffer: inout ByteBuffer) { buffer.writeBytes(self) }
}
