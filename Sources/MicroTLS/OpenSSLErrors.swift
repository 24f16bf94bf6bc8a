internal import COpenSSL

/// The calling thread's queue of OpenSSL's errors.
///
/// Every operation clears it before it begins, as another connection of the same thread may have
/// left something.
enum OpenSSLErrors {
    /// The words for an error.
    ///
    /// - Parameter error: A number of the queue.
    /// - Returns: The reason in OpenSSL's words.
    static func text(_ error: UInt) -> String {
        guard error != 0 else { return "no reason given" }
        // The texts are literals of the library, valid as long as it is loaded.
        return ERR_reason_error_string(error).map { String(cString: $0) } ?? "error \(error)"
    }

    /// Takes the oldest error, which is the cause of the others, and empties the queue.
    ///
    /// - Returns: The error's number, or 0 if there is none.
    static func take() -> UInt {
        defer { ERR_clear_error() }
        return ERR_peek_error()
    }
}
