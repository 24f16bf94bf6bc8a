import ArgumentParser
import EchoMessages
import Foundation
import Micro
import MicroCore
import MicroProtobuf
import MicroRegistryMemory
import MicroTransportHTTP2
import SwiftProtobuf

/// Serves the echo service, for the benchmarks and for anybody's load generator.
///
/// `/echo.Echo/Unary` answers with what it gets, `/echo.Echo/ServerStream` sends as many payloads as
/// are asked for, and `/echo.Echo/Spin` computes for a time.
@main
struct EchoServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "echo-server")

    @Option(help: "The port on 127.0.0.1; 0 lets the system choose.")
    var port = 0

    @Option(help: "A file with the certificate chain, as PEM.")
    var tlsCert: String?

    @Option(help: "A file with the private key, as PEM.")
    var tlsKey: String?

    func run() async throws {
        // Without the variables of the process: what is measured is what stands here.
        let service = MicroService(
            "echo", address: "127.0.0.1:\(port)", registry: .memory,
            transport: .grpc(HTTP2Transport.Configuration(tls: tls)),
            configuration: ConfigurationSources(arguments: [])
        ) {
            Endpoint("Echo.Unary") { (request: Echo_Payload, _: RequestContext) in
                Echo_Payload.with { $0.payload = request.payload }
            }
            Endpoint("Echo.ServerStream") {
                (request: Echo_StreamRequest, replies: MessageWriter<Echo_Payload>, _: RequestContext) in
                let payload = Echo_Payload.with { $0.payload = Data(count: Int(request.size)) }
                for _ in 0..<request.count { try await replies.write(payload) }
            }
            Endpoint("Echo.Spin") { (request: Echo_SpinRequest, _: RequestContext) in
                let end = ContinuousClock.now.advanced(by: .microseconds(Int(request.microseconds)))
                while ContinuousClock.now < end {}
                return Echo_SpinReply()
            }
        }
        try await service.run { running in
            print("listening \(running.address)")
            fflush(nil)
        }
    }

    private var tls: TLSConfiguration? {
        guard let tlsCert, let tlsKey else { return nil }
        return TLSConfiguration(certificateChain: .file(tlsCert), privateKey: .file(tlsKey))
    }
}
