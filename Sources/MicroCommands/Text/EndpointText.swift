internal import MicroCore

/// An endpoint's name as it stands on a command line.
enum EndpointText {
    /// Checks a name before anything is sent.
    ///
    /// - Parameter text: The name.
    /// - Throws: A failure if it is neither `Type.Method` nor `/package.Type/Method`.
    static func check(_ text: String) throws(CommandFailure) {
        let isPrintable = text.utf8.count <= 512 && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        let isUsable = text.hasPrefix("/") ? CallPath(text) != nil : isDotted(text)
        guard isPrintable, isUsable else {
            throw CommandFailure(
                "malformed method name: \"\(text.printable())\" is not of the form Type.Method or "
                    + "/package.Type/Method", .malformedMethod)
        }
    }

    /// Returns an endpoint's name as the registry has it: `Type.Method`.
    static func dotted(_ text: String) -> String {
        guard text.hasPrefix("/"), let path = CallPath(text) else { return text }
        return path.endpoint
    }

    private static func isDotted(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count >= 2 && !text.contains("/") && parts.allSatisfy { !$0.isEmpty }
    }
}
