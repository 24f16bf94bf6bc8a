import MicroPluginKit

/// Text in the query of a request's target (RFC 3986, section 3.4).
enum QueryText {
    private static let plain = Set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~".utf8)

    /// Returns a text with all but letters, digits and `-_.~` escaped.
    static func escape(_ text: String) -> String {
        let bytes = PercentCoding.encode(text.utf8) { _, byte in plain.contains(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Returns the value of a key in a target's query, or `nil` if it isn't there.
    static func value(_ key: String, in target: String) -> String? {
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        let query = target.utf8[target.utf8.index(after: mark)...].prefix { $0 != UInt8(ascii: "#") }
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, unescape(parts[0]) == key else { continue }
            return unescape(parts[1])
        }
        return nil
    }

    private static func unescape(_ text: some Sequence<UInt8>) -> String {
        let spaced = text.lazy.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
        return String(decoding: PercentCoding.decode(spaced), as: UTF8.self)
    }
}
