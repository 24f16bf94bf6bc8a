import ArgumentParser
import MicroCore
import MicroTransportHTTP2

/// Our HTTP/2 transport without the engine above it: the difference to the whole is what the engine
/// costs.
@main
struct TransportEcho: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transport-echo", subcommands: [Serve.self, Call.self])
}

/// Serves the echo service.
struct Serve: AsyncParsableCommand {
    @Option(help: "The port on 127.0.0.1; 0 lets the system choose.")
    var port = 0

    @Option(help: "A file with the certificate chain, as PEM.")
    var tlsCert: String?

    @Option(help: "A file with the private key, as PEM.")
    var tlsKey: String?

    func run() async throws {
        let transport = HTTP2Transport(configuration: HTTP2Transport.Configuration(tls: tls))
        let listener = try await transport.listen(
            on: .host("127.0.0.1", port: port), handler: EchoHandler())
        print("listening \(listener.address)")
        // The server runs until the process is ended.
        try await Task.sleep(for: .seconds(1_000_000))
    }

    private var tls: TLSConfiguration? {
        guard let tlsCert, let tlsKey else { return nil }
        return TLSConfiguration(certificateChain: .file(tlsCert), privateKey: .file(tlsKey))
    }
}
