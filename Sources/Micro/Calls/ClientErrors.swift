import MicroCore

/// The errors that a client makes itself, as go-micro words them where it has them.
enum ClientErrors {
    /// The id of go-micro's client, by which both worlds tell such errors from a service's.
    static let id = "go.micro.client"

    static func notFound(_ service: String) -> MicroError {
        unavailableInGoMicrosWords("service \(service): not found")
    }

    static func noneAvailable(_ service: String) -> MicroError {
        unavailableInGoMicrosWords("service \(service): none available")
    }

    static func noneAccepted(_ service: String) -> MicroError {
        unavailableInGoMicrosWords(
            "service \(service): none available, since none of its nodes is accepted by the filter of the call's routing"
        )
    }

    /// Returns that there is no node to call.
    ///
    /// go-micro's clients report it with the code 500. The gRPC status says what it means: nothing is broken, and
    /// later there may be one.
    static func unavailableInGoMicrosWords(_ detail: String) -> MicroError {
        MicroError(id: id, httpCode: 500, detail: detail, status: .unavailable, processed: .no)
    }

    static func deadlineExceeded(_ doing: String) -> MicroError {
        MicroError(
            id: id, httpCode: 408, detail: "context deadline exceeded: \(doing)", processed: .no)
    }

    static func cancelled() -> MicroError {
        MicroError(.cancelled, "The call was cancelled.", id: id, processed: .no)
    }

    static func unavailable(_ detail: String, cause: (any Error)? = nil) -> MicroError {
        MicroError(.unavailable, detail, id: id, processed: .no, cause: cause)
    }

    static func invalid(_ detail: String, cause: (any Error)? = nil) -> MicroError {
        MicroError(id: id, httpCode: 400, detail: detail, processed: .no, cause: cause)
    }

    static func undecodable(_ endpoint: String, _ error: any Error) -> MicroError {
        MicroError(
            id: id, httpCode: 500,
            detail: "The reply of \(endpoint) can't be decoded: \(CodingFailure.text(error))", cause: error)
    }

    static func unencodable(_ endpoint: String, _ error: any Error) -> MicroError {
        invalid(
            "The request of \(endpoint) can't be encoded: \(CodingFailure.text(error))", cause: error)
    }

    /// Turns what middleware or a closure threw into a call's outcome.
    static func outcome(_ error: any Error) -> MicroError {
        switch error {
        case let error as MicroError: error
        case is CancellationError: cancelled()
        case let error as StartError: unavailable(error.message, cause: error)
        default: MicroError(id: id, httpCode: 500, detail: "\(error)", cause: error)
        }
    }
}
