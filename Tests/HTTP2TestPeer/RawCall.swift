package import MicroCore

/// What a server answered to one call, frame by frame.
package struct RawAnswer {
    package var head: [(String, String)] = []
    package var body: [UInt8] = []
    package var trailers: [(String, String)] = []
    package var isTrailersOnly = false
    package var reset: UInt32?

    package init() {}

    /// The fields that say how the call ended.
    package var ending: [(String, String)] { isTrailersOnly ? head : trailers }

    /// The value of a field of the ending.
    package subscript(name: String) -> String? { ending.first { $0.0 == name }?.1 }

    package var httpStatus: String? { head.first { $0.0 == ":status" }?.1 }
}

extension RawConnection {
    /// The fields of a gRPC request, in which some may be replaced or, with `nil`, left out.
    package static func request(
        _ path: String, _ changes: [String: String?] = [:], more: [(String, String)] = []
    ) -> [(String, String)] {
        let usual = [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ]
        let fields = usual.compactMap { name, value -> (String, String)? in
            guard let change = changes[name] else { return (name, value) }
            return change.map { (name, $0) }
        }
        return fields + more
    }

    /// Reads the answer to a call: up to the end of the stream, its reset, or the connection's end.
    ///
    /// A server that ends a call whose request has not ended resets it, too; `awaitsReset` waits for that.
    package func answer(on stream: UInt32, awaitsReset: Bool = false) async throws -> RawAnswer {
        var answer = RawAnswer()
        while let frame = try await frame() {
            if frame.kind == .headers {
                let fields = try fields(of: frame)
                guard frame.stream == stream else { continue }
                if answer.head.isEmpty {
                    answer.head = fields
                    answer.isTrailersOnly = frame.has(Frame.endStream)
                } else {
                    answer.trailers = fields
                }
            }
            guard frame.stream == stream else { continue }
            if frame.kind == .data { answer.body += frame.payload }
            if frame.kind == .reset {
                answer.reset = frame.number(at: 0)
                return answer
            }
            let canEnd = frame.kind == .headers || frame.kind == .data
            if canEnd, frame.has(Frame.endStream), !awaitsReset { return answer }
        }
        return answer
    }

    /// Makes a unary call whose request is complete.
    package func call(
        _ path: String = "/test.Test/Echo", _ changes: [String: String?] = [:], more: [(String, String)] = [],
        body: [UInt8] = framed([1, 2, 3]), stream: UInt32 = 1
    ) async throws -> RawAnswer {
        try await send(
            .headers(Self.request(path, changes, more: more), stream: stream),
            .data(body, stream: stream, ends: true))
        return try await answer(on: stream)
    }

    /// Opens a connection and greets the server, whose settings hold once they are acknowledged.
    package static func open(
        to address: ListenAddress, tls: TLSConfiguration? = nil
    ) async throws -> RawConnection {
        let (connection, _) = try await connectAndReadSettings(of: address, tls: tls)
        try await connection.send(Frame(.settings, flags: Frame.ack))
        return connection
    }

    /// Opens a connection, and leaves the server's settings without an answer.
    package static func connectAndReadSettings(
        of address: ListenAddress, tls: TLSConfiguration? = nil
    ) async throws -> (RawConnection, Frame) {
        let connection = try await connect(to: address, tls: tls)
        try await connection.send(Frame.opening)
        guard let settings = try await connection.frame(where: { $0.kind == .settings }) else {
            throw Waited(for: "the server's settings")
        }
        return (connection, settings)
    }

    /// Makes the server's side of the greeting, and returns once the client's has come.
    package func greetAsServer() async throws {
        guard try await bytes(Frame.preface.count) == Frame.preface else { throw Waited(for: "the preface") }
        try await send(Frame(.settings))
        _ = try await frame { $0.kind == .settings && !$0.has(Frame.ack) }
        try await send(Frame(.settings, flags: Frame.ack))
    }
}
