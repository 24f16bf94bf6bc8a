internal import MicroCore

/// The words of errors.
enum EtcdErrors {
    /// The error of a call whose task was cancelled.
    static let cancelled = MicroError(.cancelled, "The call was cancelled.", processed: .no)

    /// Says which member failed, why, and what to do.
    static func text(
        _ error: MicroError, at endpoint: EtcdEndpoint, for naming: EtcdConfiguration.Naming
    ) -> String {
        let detail =
            error.detail.hasPrefix(connecting)
            ? String(error.detail.dropFirst(connecting.count)) : error.detail
        let shown = detail.printable(limit: 500)
        let place = detail.contains(endpoint.address) ? shown : "\(endpoint): \(shown)"
        return place + advice(error, at: endpoint, for: naming)
    }

    private static let connecting = "Can't connect to "

    private static func advice(
        _ error: MicroError, at endpoint: EtcdEndpoint, for naming: EtcdConfiguration.Naming
    ) -> String {
        let detail = error.detail
        if detail.contains("authentication failed") || detail.contains("user name not found") {
            return " (check \(naming.credentials))"
        }
        if detail.contains("user name is empty") {
            return " (it asks for a user: set \(naming.credentials))"
        }
        if error.status == .permissionDenied {
            return " (the user needs the permission to read and write \(naming.keys))"
        }
        if endpoint.isSecure != true, detail.contains("expect TLS") {
            return " (if it speaks TLS, write https:// in front of the address)"
        }
        return ""
    }
}
