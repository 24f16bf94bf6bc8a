import MicroBrokerHTTP
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTesting
import Synchronization
import Testing

extension PluginContext {
    /// The context of a broker whose service uses a registry.
    static func broker(_ registry: any Registry, variables: [String: String] = [:]) -> PluginContext {
        .testing(role: "broker", variables: variables) { $0 == "registry" ? registry : nil }
    }
}

/// Runs brokers that share a registry for as long as a closure does.
func whileRunning(
    _ brokers: HTTPBroker..., registry: MemoryRegistry, variables: [String: String] = [:],
    _ body: @escaping @Sendable () async throws -> Void
) async throws {
    for broker in brokers { try broker.prepare(.broker(registry, variables: variables)) }
    try await withThrowingTaskGroup(of: Void.self) { group in
        for broker in brokers { group.addTask { try await broker.run() } }
        defer { group.cancelAll() }
        try await body()
    }
}

/// What handlers were given.
final class Log<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    var all: [Element] { elements.withLock { $0 } }

    func add(_ element: Element) { elements.withLock { $0.append(element) } }

    /// Waits until a number of elements are there.
    func wait(for count: Int) async throws {
        do {
            try await eventually("\(count) events") { all.count >= count }
        } catch let error as TestSupportError {
            throw TestSupportError("\(error): \(all.count) have come: \(all)")
        }
    }
}

/// Programs in Python, which know nothing of us.
enum Python {
    /// Runs a script to its end and returns what it printed.
    static func run(_ script: String, _ arguments: String...) async throws -> String {
        let program = try ForeignProgram("python3", ["-c", script] + arguments, package: "python3")
        let status = try await program.exitStatus()
        #expect(status == 0, "\(program.errorOutput)")
        return program.output
    }

    /// Posts a body (`id`, address and body are the arguments) and prints status and answer.
    static let post = """
        import http.client, sys
        host, port = sys.argv[1].rsplit(":", 1)
        c = http.client.HTTPConnection(host, int(port), timeout=20)
        c.request("POST", "/?id=" + sys.argv[2], sys.argv[3].encode(), {"Content-Type": "application/json"})
        r = c.getresponse()
        print(r.status, r.read().decode())
        """

    /// Sends bytes as they are (address and bytes are the arguments) and prints what comes until the end.
    static let raw = """
        import socket, sys
        host, port = sys.argv[1].rsplit(":", 1)
        s = socket.create_connection((host, int(port)), timeout=20)
        s.sendall(sys.argv[2].encode().decode("unicode_escape").encode("latin-1"))
        answer = b""
        try:
            while True:
                part = s.recv(65536)
                if not part: break
                answer += part
        except ConnectionResetError:
            answer += b"RESET"
        print(answer.decode())
        """

    /// A server that has no room for connections, so that the system leaves them unanswered; prints its address.
    static let deaf = """
        import socket, time
        server = socket.socket()
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        time.sleep(0.2)
        print("%s:%d" % server.getsockname(), flush=True)
        time.sleep(1000)
        """

    /// A subscriber: prints each request as JSON, and answers the statuses of its first argument in turn, with
    /// as many bytes as the second one says.
    static let subscriber = """
        import http.server, json, sys
        statuses = [int(s) for s in sys.argv[1].split(",")]
        answer = b"x" * int(sys.argv[2])
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                print(json.dumps({"path": self.path, "type": self.headers["Content-Type"], "body": body,
                                  "attempt": self.headers["Micro-Attempt"],
                                  "port": self.client_address[1]}), flush=True)
                status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            def log_message(self, *arguments): pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print("port", server.server_port, flush=True)
        server.serve_forever()
        """
}
