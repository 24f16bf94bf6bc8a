import Foundation
import MicroTestSupport

/// A way to a server that can be cut or held up, while the server is left alone.
final class Proxy: Sendable {
    /// The address of the near end, as `host:port`.
    let address: String

    private let program: ForeignProgram

    private static let script = """
        import signal, socket, sys, threading
        near, far = int(sys.argv[1]), int(sys.argv[2])
        pairs, is_cut = [], False
        def pump(source, sink):
            try:
                while data := source.recv(65536): sink.sendall(data)
            except OSError: pass
            for end in (source, sink):
                try: end.shutdown(socket.SHUT_RDWR)
                except OSError: pass
        def command():
            global is_cut
            for line in sys.stdin:
                is_cut = line.strip() == "cut"
                for end in pairs if is_cut else []:
                    try: end.shutdown(socket.SHUT_RDWR)
                    except OSError: pass
                print(line.strip(), flush=True)
        server = socket.create_server(("127.0.0.1", near))
        threading.Thread(target=command, daemon=True).start()
        print("ready", flush=True)
        while True:
            client, _ = server.accept()
            if is_cut:
                client.close()
                continue
            try: upstream = socket.create_connection(("127.0.0.1", far))
            except OSError:
                client.close()
                continue
            pairs += [client, upstream]
            for ends in ((client, upstream), (upstream, client)):
                threading.Thread(target=pump, args=ends, daemon=True).start()
        """

    /// Opens a way to a server.
    init(to server: EtcdServer) async throws {
        let port = try FreePort.tcp()
        address = "127.0.0.1:\(port)"
        let far = server.address.split(separator: ":").last.map(String.init) ?? ""
        program = try ForeignProgram("python3", ["-c", Self.script, "\(port)", far], package: "python3")
        try await program.waitForOutput("ready")
    }

    /// Closes all connections, and refuses new ones.
    func cut() async throws {
        try program.write("cut\n")
        try await program.waitForOutput("cut")
    }

    /// Lets connections pass again.
    func mend() async throws {
        try program.write("mend\n")
        try await program.waitForOutput("mend")
    }

    /// Holds everything up without a word to anybody, as a lost network does.
    func stall() { program.send(signal: SIGSTOP) }

    /// Lets go on what was held up.
    func resume() { program.send(signal: SIGCONT) }
}
