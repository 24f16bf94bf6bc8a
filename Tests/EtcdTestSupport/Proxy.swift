import Foundation
import MicroTestSupport

/// A way to a server that can be cut, held up or made mute, while the server is left alone.
package final class Proxy: Sendable {
    /// The address of the near end, as `host:port`.
    package let address: String

    private let program: ForeignProgram

    private static let script = """
        import signal, socket, sys, threading
        near, far = int(sys.argv[1]), int(sys.argv[2])
        pairs, is_cut, is_heard = [], False, threading.Event()
        is_heard.set()
        def pump(source, sink, is_answer):
            try:
                while data := source.recv(65536):
                    if is_answer: is_heard.wait()
                    sink.sendall(data)
            except OSError: pass
            for end in (source, sink):
                try: end.shutdown(socket.SHUT_RDWR)
                except OSError: pass
        def command():
            global is_cut
            for line in sys.stdin:
                is_cut = line.strip() == "cut"
                drops = line.strip() == "drop"
                if line.strip() == "mute": is_heard.clear()
                elif not drops: is_heard.set()
                for end in pairs if is_cut or drops else []:
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
            for ends in ((client, upstream, False), (upstream, client, True)):
                threading.Thread(target=pump, args=ends, daemon=True).start()
        """

    /// Opens a way to a server.
    package init(to server: EtcdServer) async throws {
        let port = try FreePort.tcp()
        address = "127.0.0.1:\(port)"
        let far = server.address.split(separator: ":").last.map(String.init) ?? ""
        program = try ForeignProgram("python3", ["-c", Self.script, "\(port)", far], package: "python3")
        try await program.waitForOutput("ready")
    }

    /// Closes all connections, and refuses new ones.
    package func cut() async throws { try await order("cut") }

    /// Keeps the server's answers back, and nothing else.
    package func mute() async throws { try await order("mute") }

    /// Closes all connections; answers that are kept back are lost.
    package func drop() async throws { try await order("drop") }

    /// Lets everything pass again.
    package func restore() async throws { try await order("restore") }

    private func order(_ word: String) async throws {
        let count = program.output.count
        try program.write("\(word)\n")
        try await eventually("the proxy obeys") { program.output.count > count }
    }

    /// Holds everything up without a word to anybody, as a lost network does.
    package func stall() { program.send(signal: SIGSTOP) }

    /// Lets go on what was held up.
    package func resume() { program.send(signal: SIGCONT) }
}
