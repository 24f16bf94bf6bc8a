// The gRPC project's interoperability test, the server's side:
//
//     swift run interop-server --port=8080
//     swift run interop-server --port=8443 --use_tls=true --tls_cert_file=server.pem --tls_key_file=server.key
//
// `docs/Interop.md` tells more. It prints `listening HOST:PORT` once it answers.
import ArgumentParser
import Foundation
import InteropSupport
import MicroDefaults

@main
struct InteropServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "interop-server", abstract: "Serves grpc.testing.TestService.")

    @Option(name: .customLong("port"), help: "The port to listen on; 0 takes a free one.")
    var port: Int = 0

    @Option(name: .customLong("host"), help: "The address to listen on; all of the machine by default.")
    var host: String = ""

    @Option(name: .customLong("use_tls"), help: "Whether connections are encrypted.")
    var usesTLS: Bool = false

    @Option(name: .customLong("tls_cert_file"), help: "The server's certificate chain in PEM form.")
    var certificate: String?

    @Option(name: .customLong("tls_key_file"), help: "The certificate's key in PEM form.")
    var key: String?

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port is a number up to 65535.") }
        guard usesTLS == (certificate != nil), usesTLS == (key != nil) else {
            throw ValidationError("--use_tls=true goes together with --tls_cert_file and --tls_key_file.")
        }
    }

    func run() async throws {
        var overrides = ["registry": "memory", "server.address": "\(host):\(port)"]
        overrides["tls.cert"] = certificate
        overrides["tls.key"] = key
        let service = MicroService(
            "grpc.testing", configuration: ConfigurationSources(overrides: overrides)
        ) {
            InteropService()
        }
        await service.onReady { running in
            // Without a buffer: whoever has started us waits for the line.
            FileHandle.standardOutput.write(Data("listening \(running.address)\n".utf8))
        }.main()
    }
}
