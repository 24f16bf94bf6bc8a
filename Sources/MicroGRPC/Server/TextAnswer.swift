import MicroHTTP2

/// What a request gets that is no gRPC call: a status of HTTP, and a text for the person who made it.
struct TextAnswer {
    /// The header block.
    let head: FieldBlock

    /// The text; `nil` where HTTP allows none.
    let body: String?

    /// Answers a request of HTTP/2 (gRPC over HTTP/2, "Requests").
    init(to head: RequestHead) {
        let isWrongMethod = !head.isPost
        body = head.isHead ? nil : isWrongMethod ? Self.wrongMethod : Self.wrongType
        var block = FieldBlock()
        block.add(":status", isWrongMethod ? "405" : "415")
        if isWrongMethod { block.add("allow", "POST") }
        if let body {
            block.add("content-type", "text/plain; charset=utf-8")
            block.add("content-length", String(body.utf8.count))
        }
        self.head = block
    }

    /// The whole answer to a request of HTTP/1.x.
    static let http1: String = {
        let text = "This port speaks gRPC over HTTP/2, and this request came by HTTP/1.\n" + remedy
        return """
            HTTP/1.1 505 HTTP Version Not Supported\r
            content-type: text/plain; charset=utf-8\r
            content-length: \(text.utf8.count)\r
            connection: close\r
            \r
            \(text)
            """
    }()

    private static let wrongMethod = """
        This port speaks gRPC over HTTP/2. Its calls are POST requests with the content type application/grpc, and \
        this request has another method.
        \(remedy)
        """

    private static let wrongType = """
        This port speaks gRPC over HTTP/2. Its calls have the content type application/grpc, with +proto or +json \
        behind it, and this request has another or none.
        \(remedy)
        """

    private static let remedy = "Call it with a gRPC client, or with: micro call SERVICE ENDPOINT JSON\n"
}
