extension String {
    /// Returns an address as it may be shown: printable, and without user and password.
    ///
    /// What precedes the last `@`, behind the scheme if there is one, becomes `…`: passwords may have
    /// slashes, commas and an `@` in them. Of a list of addresses only the end is left then.
    ///
    /// - Parameter limit: The greatest number of Unicode scalars that are read.
    /// - Returns: The address.
    package func printableAddress(limit: Int = 300) -> String {
        guard let at = lastIndex(of: "@") else { return printable(limit: limit) }
        var scheme = prefix { $0 != ":" && $0 != "@" }
        let rest = self[scheme.endIndex...]
        scheme = rest.hasPrefix("://") ? self[..<index(scheme.endIndex, offsetBy: 3)] : self[..<startIndex]
        return (scheme + "…" + self[at...]).printable(limit: limit)
    }
}
