import ArgumentParser
import GRPCCore
import GRPCNIOTransportHTTP2Posix

/// Serves the echo service with grpc-swift-2.
@main
struct EchoServer: AsyncParsableCommand {
    @Option(help: "The port on 127.0.0.1; 0 lets the system choose.")
    var port = 0

    @Option(help: "A file with the certificate chain, as PEM.")
    var tlsCert: String?

    @Option(help: "A file with the private key, as PEM.")
    var tlsKey: String?

    func run() async throws {
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: port), transportSecurity: security)
        try await withGRPCServer(transport: transport, services: [EchoService()]) { server in
            if let address = try await server.listeningAddress?.ipv4 {
                print("listening 127.0.0.1:\(address.port)")
            }
            // The server runs until the process is ended.
            try await Task.sleep(for: .seconds(1_000_000))
        }
    }

    private var security: HTTP2ServerTransport.Posix.TransportSecurity {
        guard let tlsCert, let tlsKey else { return .plaintext }
        return .tls(
            certificateChain: [.file(path: tlsCert, format: .pem)],
            privateKey: .file(path: tlsKey, format: .pem))
    }
}
