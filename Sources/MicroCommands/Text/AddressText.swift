internal import MicroCore

/// An address as it stands on a command line.
enum AddressText {
    /// Checks the value of `--address` before anything is sent.
    ///
    /// - Parameter text: The value, or `nil` if it wasn't given.
    /// - Throws: A failure if it is no address.
    static func check(_ text: String?) throws(CommandFailure) {
        guard let text, !text.hasPrefix("unix:") else { return }
        guard let (host, port) = HostPort.split(text), port != nil, !host.isEmpty else {
            throw CommandFailure(
                "--address is \"\(text.printable())\". It must be host:port, such as 127.0.0.1:9090.", .usage)
        }
    }
}
