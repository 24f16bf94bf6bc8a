import MicroCore
import MicroHTTP1
import MicroWire

/// What a subscriber answers.
enum Responses {
    /// The event is dealt with.
    static let taken = HTTP1Response(status: 200)

    /// The subscription ends; another member of its queue may take the event.
    static let leaving = error(503, "The subscription is ending.")

    /// The subscriber can't read such events, now or later.
    static func unreadable(_ reason: MicroError) -> HTTP1Response { error(415, reason.detail) }

    /// The event was refused, and should come again.
    static func refused(after delay: Duration?) -> HTTP1Response {
        var response = error(500, "The subscriber did not take the event.")
        if let delay, delay > .zero {
            // The field counts whole seconds.
            let (seconds, rest) = delay.components
            response.headers["Retry-After"] = "\(rest > 0 && seconds < .max ? seconds + 1 : seconds)"
        }
        return response
    }

    /// An error as go-micro writes it.
    ///
    /// - Parameters:
    ///   - status: The status of the response.
    ///   - detail: What is wrong.
    ///   - code: The code in the body; the status by default.
    /// - Returns: The response.
    static func error(_ status: Int, _ detail: String, code: Int? = nil) -> HTTP1Response {
        let error = MicroError(id: "go.micro.broker", httpCode: code ?? status, detail: detail)
        return HTTP1Response(
            status: status, headers: ["Content-Type": "application/json"], body: error.json())
    }
}

/// The field that tells a subscriber how often an event has been sent to it.
enum AttemptField {
    static let name = "Micro-Attempt"

    /// Reads the field of a request; 1 if there is none that makes sense.
    static func read(_ request: HTTP1Request) -> Int {
        guard let number = request.headers[name].flatMap({ Int($0) }), (1...1000).contains(number)
        else { return 1 }
        return number
    }
}
