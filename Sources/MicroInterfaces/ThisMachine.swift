import MicroCore

/// Which addresses are this machine's own.
package enum ThisMachine {
    /// Returns whether a connection from an IP address comes from this machine.
    ///
    /// That is so on loopback, and where it comes from one of the machine's own addresses: the system accepts no
    /// packet from elsewhere that claims to come from there, and a connection needs answers.
    ///
    /// - Parameters:
    ///   - host: The IP address, without brackets.
    ///   - interfaces: The machine's addresses, which are asked for each time, since they change.
    /// - Returns: Whether it does; a text that is no IP address does not.
    package static func has(
        _ host: String, interfaces: @autoclosure () -> [InterfaceAddress] = InterfaceAddress.listed
    ) -> Bool {
        if HostPort.isLoopback(host) { return true }
        // A socket of all addresses sees callers over IPv4 as mapped addresses of IPv6.
        let text = host.hasPrefix("::ffff:") ? String(host.dropFirst("::ffff:".count)) : host
        // A link-local address is the machine's own on one link, and may be another machine's on the next.
        return interfaces().contains { !$0.isLinkLocal && $0.text == text }
    }
}
