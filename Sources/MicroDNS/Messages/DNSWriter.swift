extension DNSMessage {
    /// The message as it lies on the wire.
    ///
    /// - Parameter compressed: Whether names that were written before become pointers. go-micro
    ///   compresses answers, and doesn't compress what it sends unasked.
    /// - Returns: The bytes.
    public func encoded(compressed: Bool) -> [UInt8] {
        var writer = DNSWriter(compresses: compressed)
        writer.number(id)
        writer.number(flags.rawValue)
        for count in [questions.count, answers.count, authorities.count, additionals.count] {
            writer.number(UInt16(clamping: count))
        }
        for question in questions { writer.question(question) }
        for record in answers + authorities + additionals { writer.record(record) }
        return writer.bytes
    }
}

/// Writes the parts of a message.
///
/// Names are compressed as Go's DNS library does it, so that the bytes are the same: every name is
/// remembered, and all but the target of a server record use what is remembered.
private struct DNSWriter {
    /// The first position that a pointer can't reach.
    private static let pointerLimit = 0x4000

    private(set) var bytes: [UInt8] = []
    private let compresses: Bool
    private var positions: [ArraySlice<UInt8>: Int] = [:]

    init(compresses: Bool) { self.compresses = compresses }

    mutating func number(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func question(_ question: DNSQuestion) {
        name(question.name)
        number(question.type.rawValue)
        number(question.classCode)
    }

    mutating func record(_ record: DNSRecord) {
        name(record.name)
        number(record.type.rawValue)
        number(record.classCode)
        number(record.timeToLive)
        let start = bytes.count
        number(UInt16(0))
        data(record.data)
        let size = UInt16(clamping: bytes.count - start - 2)
        bytes[start] = UInt8(truncatingIfNeeded: size >> 8)
        bytes[start + 1] = UInt8(truncatingIfNeeded: size)
    }

    private mutating func data(_ data: DNSRecord.Data) {
        switch data {
        case .pointer(let target):
            name(target)
        case .server(let priority, let weight, let port, let target):
            number(priority)
            number(weight)
            number(port)
            name(target, usesPointers: false)
        case .alias(let target):
            name(target)
        case .authority(let zone):
            name(zone.primary)
            name(zone.mailbox)
            for value in [zone.serial, zone.refresh, zone.retry, zone.expire, zone.minimum] { number(value) }
        case .options(let options):
            bytes.append(contentsOf: options)
        case .address(let address):
            bytes.append(contentsOf: address.bytes)
        case .text(let strings):
            for string in strings {
                bytes.append(UInt8(clamping: string.count))
                bytes.append(contentsOf: string.prefix(Int(UInt8.max)))
            }
        }
    }

    private mutating func name(_ name: DNSName, usesPointers: Bool = true) {
        for start in name.labelStarts where compresses || start == 0 {
            guard compresses else {
                bytes.append(contentsOf: name.bytes)
                break
            }
            let rest = name.bytes[start...]
            if let position = positions[rest] {
                if usesPointers { return number(UInt16(0xC000 | position)) }
            } else if bytes.count < Self.pointerLimit {
                positions[rest] = bytes.count
            }
            bytes.append(contentsOf: rest.prefix(1 + Int(name.bytes[start])))
        }
        bytes.append(0)
    }
}
