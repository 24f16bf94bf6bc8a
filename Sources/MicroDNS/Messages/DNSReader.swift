extension DNSMessage {
    /// Reads a packet.
    ///
    /// Records of other types are skipped. Whatever the bytes are, it either returns or throws, in time and memory
    /// bounded by the packet's size.
    ///
    /// - Parameters:
    ///   - bytes: The packet. What stands behind the last record is ignored.
    ///   - types: The types that are read; those of service discovery unless others are wanted.
    /// - Throws: What is wrong with the packet.
    public init(
        decoding bytes: [UInt8], types: Set<DNSType> = DNSType.ofServiceDiscovery
    ) throws(DNSFormatError) {
        self.init()
        var reader = DNSReader(bytes: bytes, types: types)
        id = try reader.number()
        flags = Flags(rawValue: try reader.number())
        var counts: [UInt16] = []
        for _ in 0..<4 { counts.append(try reader.number()) }
        for _ in 0..<counts[0] { questions.append(try reader.question()) }
        answers = try reader.records(counts[1])
        authorities = try reader.records(counts[2])
        additionals = try reader.records(counts[3])
    }
}

/// Reads the parts of a packet one behind the other.
private struct DNSReader {
    /// The most pointers that one name may go through; a name has at most 127 labels.
    private static let maximumPointers = 128

    /// The most bytes that all names of a packet may have together once their pointers are followed.
    ///
    /// Two bytes of a packet can be a name of 255 bytes; a packet that is full of honest records keeps far below.
    private static let maximumNameBytes = 1 << 16

    /// The most strings that the texts of a packet may have together; each is an allocation.
    ///
    /// go-micro's are 255 bytes long, so a packet is full with 256.
    private static let maximumStrings = 4096

    private let bytes: [UInt8]
    private let types: Set<DNSType>
    private var position = 0
    private var nameBytes = 0
    private var stringCount = 0

    init(bytes: [UInt8], types: Set<DNSType>) {
        self.bytes = bytes
        self.types = types
    }

    private mutating func byte() throws(DNSFormatError) -> UInt8 {
        guard bytes.indices.contains(position) else { throw .truncated }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func number<Number: FixedWidthInteger & UnsignedInteger>() throws(DNSFormatError) -> Number {
        var value: Number = 0
        for _ in 0..<MemoryLayout<Number>.size { value = value << 8 | Number(try byte()) }
        return value
    }

    private mutating func slice(_ count: Int) throws(DNSFormatError) -> ArraySlice<UInt8> {
        guard count <= bytes.count - position else { throw .truncated }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    mutating func question() throws(DNSFormatError) -> DNSQuestion {
        DNSQuestion(name: try name(), type: DNSType(rawValue: try number()), classCode: try number())
    }

    mutating func records(_ count: UInt16) throws(DNSFormatError) -> [DNSRecord] {
        var records: [DNSRecord] = []
        for _ in 0..<count {
            let name = try name()
            let type = DNSType(rawValue: try number())
            let classCode: UInt16 = try number()
            let timeToLive: UInt32 = try number()
            let size = Int(try number() as UInt16)
            guard size <= bytes.count - position else { throw .truncated }
            let end = position + size
            guard types.contains(type), let data = try data(type, end: end) else {
                position = end
                continue
            }
            guard position == end else { throw .badRecord }
            records.append(DNSRecord(name: name, classCode: classCode, timeToLive: timeToLive, data: data))
        }
        return records
    }

    /// Reads the data of a record; `nil` for a type that isn't known here.
    private mutating func data(_ type: DNSType, end: Int) throws(DNSFormatError) -> DNSRecord.Data? {
        switch type {
        case .ptr:
            return .pointer(try name())
        case .srv:
            return .server(
                priority: try number(), weight: try number(), port: try number(), target: try name())
        case .a, .aaaa:
            guard end - position == (type == .a ? 4 : 16) else { throw .badRecord }
            guard let address = IPAddress(bytes: try slice(end - position)) else { throw .badRecord }
            return .address(address)
        case .txt:
            var strings: [[UInt8]] = []
            while position < end {
                let size = Int(try byte())
                guard size <= end - position else { throw .badRecord }
                stringCount += 1
                guard stringCount <= Self.maximumStrings else { throw .tooLarge }
                strings.append(Array(try slice(size)))
            }
            return .text(strings)
        case .cname:
            return .alias(try name())
        case .soa:
            return .authority(
                DNSAuthority(
                    primary: try name(), mailbox: try name(), serial: try number(), refresh: try number(),
                    retry: try number(), expire: try number(), minimum: try number()))
        case .opt:
            return .options(Array(try slice(end - position)))
        default:
            return nil
        }
    }

    /// Reads a name and follows its pointers.
    ///
    /// A pointer must lead to a place in front of the part that it ends, so that no chain of them can
    /// go round.
    private mutating func name() throws(DNSFormatError) -> DNSName {
        var name = DNSName()
        var end: Int?
        var start = position
        var pointers = 0
        while true {
            let length = try byte()
            switch length & 0xC0 {
            case 0x00 where length == 0:
                position = end ?? position
                return name
            case 0x00:
                nameBytes += 1 + Int(length)
                guard nameBytes <= Self.maximumNameBytes else { throw .tooLarge }
                guard name.append(label: try slice(Int(length))) else { throw .badName }
            case 0xC0:
                // Each hop costs as much as a label.
                nameBytes += 1
                guard nameBytes <= Self.maximumNameBytes else { throw .tooLarge }
                let target = Int(length & 0x3F) << 8 | Int(try byte())
                pointers += 1
                guard target < start, pointers <= Self.maximumPointers else { throw .badPointer }
                end = end ?? position
                start = target
                position = target
            default:
                throw .badName
            }
        }
    }
}

extension DNSType {
    /// The types that mDNS and DNS-SD use.
    public static let ofServiceDiscovery: Set<DNSType> = [.a, .aaaa, .ptr, .srv, .txt]
}
