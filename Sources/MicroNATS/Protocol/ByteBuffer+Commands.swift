internal import NIOCore

/// What a client says.
extension ByteBuffer {
    /// Appends `PUB subject [reply] size` or, with headers, `HPUB`, and the payload.
    mutating func writePublish<Payload: CommandPayload>(
        _ payload: Payload, subject: String, reply: String?, headers: [UInt8]?
    ) {
        let headerLength = headers?.count ?? 0
        let length = payload.byteCount + headerLength
        reserveCapacity(minimumWritableBytes: length + subject.utf8.count + (reply?.utf8.count ?? 0) + 48)
        writeStaticString(headers == nil ? "PUB " : "HPUB ")
        writeString(subject)
        writeInteger(UInt8(ascii: " "))
        if let reply {
            writeString(reply)
            writeInteger(UInt8(ascii: " "))
        }
        if let headers {
            writeDecimal(headers.count)
            writeInteger(UInt8(ascii: " "))
        }
        writeDecimal(length)
        writeInteger(UInt16(0x0D0A))
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

    /// Appends a number that isn't negative, in digits.
    private mutating func writeDecimal(_ number: Int) {
        var digits: UInt64 = 0
        var count = 0
        var rest = UInt32(clamping: number)
        // At most eight digits: no payload of 100 MB can be sent.
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            digits = digits >> 8 | UInt64(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit)) << 56
            rest = quotient
            count += 1
        } while rest > 0 && count < 8
        for shift in stride(from: 7, through: 8 - count, by: -1) {
            writeInteger(UInt8(truncatingIfNeeded: digits >> (shift * 8)))
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
