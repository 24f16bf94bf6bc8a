/// The text form of a host and a port.
public enum HostPort {
    /// Takes a text apart.
    ///
    /// - Parameter text: `host:port`, `:port`, `[IPv6]:port`, or a host alone.
    /// - Returns: The host, without brackets, and the port if there is one; `nil` if the text has
    ///   another form or the port is out of range.
    public static func split(_ text: String) -> (host: String, port: Int?)? {
        var host = text[...]
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard host.utf8.count <= 255,
            host.unicodeScalars.allSatisfy({ $0 != " " && $0 != "@" && $0.isHarmless })
        else {
            return nil
        }
        guard let port else { return (String(host), nil) }
        guard !port.isEmpty, port.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let number = Int(port), number <= 65535
        else { return nil }
        return (String(host), number)
    }

    /// Whether a text is a number, as a port is that was written without its colon.
    package static func isNumber(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }

    /// Puts a text together; an IPv6 address gets brackets.
    ///
    /// - Parameters:
    ///   - host: A name or an IP address.
    ///   - port: A port.
    /// - Returns: The text.
    public static func join(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Returns whether a host is an IP address of this machine's own loopback, in IPv6 also as a mapped one.
    ///
    /// - Parameter host: A name or an IP address, without brackets.
    /// - Returns: Whether it is; a name is not, whatever it looks like.
    package static func isLoopback(_ host: String) -> Bool {
        if host == "::1" { return true }
        let address = host.hasPrefix("::ffff:") ? host.dropFirst("::ffff:".count) : host[...]
        let parts = address.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
