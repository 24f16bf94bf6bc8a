/// The two forms in which a call's deadline travels: as the time that is left.
enum RPCTimeout {
    /// The longest time that is kept, in nanoseconds: beyond it a deadline is none.
    private static let longest: Int64 = 365 * 24 * 3600 * 1_000_000_000

    /// Reads a `grpc-timeout`: at most eight digits and a unit (gRPC over HTTP/2, "Timeout").
    ///
    /// - Parameter text: The field's value.
    /// - Returns: The time in nanoseconds, or `nil` if the text isn't one.
    static func nanoseconds(grpc text: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard let unit = text.last, let value = number(text.dropLast(), maximumDigits: 8) else { return nil }
        let scale: Int64
        switch unit {
        case UInt8(ascii: "n"): scale = 1
        case UInt8(ascii: "u"): scale = 1000
        case UInt8(ascii: "m"): scale = 1_000_000
        case UInt8(ascii: "S"): scale = 1_000_000_000
        case UInt8(ascii: "M"): scale = 60 * 1_000_000_000
        case UInt8(ascii: "H"): scale = 3600 * 1_000_000_000
        default: return nil
        }
        let (product, overflow) = value.multipliedReportingOverflow(by: scale)
        return overflow ? longest : min(product, longest)
    }

    /// Reads go-micro's `timeout`: nanoseconds in decimal.
    ///
    /// - Parameter text: The field's value.
    /// - Returns: The time in nanoseconds, or `nil` if the text isn't one.
    static func nanoseconds(micro text: UnsafeBufferPointer<UInt8>) -> Int64? {
        number(text[...], maximumDigits: 18).map { min($0, longest) }
    }

    /// Writes a `grpc-timeout`, rounded up in the finest unit that eight digits can hold.
    ///
    /// - Parameter nanoseconds: The time that is left; nothing below zero.
    /// - Returns: The field's value.
    static func grpc(_ nanoseconds: Int64) -> String {
        var value = max(nanoseconds, 0)
        for (unit, step) in [("n", 1000), ("u", 1000), ("m", 1000), ("S", 60), ("M", 60)] as [(String, Int64)]
        {
            if value < 100_000_000 { return "\(value)\(unit)" }
            value = (value + step - 1) / step
        }
        return "\(min(value, 99_999_999))H"
    }

    private static func number(_ digits: Slice<UnsafeBufferPointer<UInt8>>, maximumDigits: Int) -> Int64? {
        guard !digits.isEmpty, digits.count <= maximumDigits else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            // At most eighteen digits, which an Int64 holds.
            value = value &* 10 &+ Int64(digit &- 0x30)
        }
        return value
    }
}
