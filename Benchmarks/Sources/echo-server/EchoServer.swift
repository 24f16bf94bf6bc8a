import ArgumentParser
import EchoMessages
import Foundation
import Micro
import MicroCore
import MicroMetricsPrometheus
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

    @Flag(help: "Serve the code that protoc generated, in place of endpoints written by hand.")
    var generated = false

    @Option(help: "Where to serve metrics; nothing is measured without it.")
    var metrics: String?

    @Option(help: "For how many microseconds a unary call sleeps before it is answered.")
    var delay = 0

    func run() async throws {
        // Without the variables of the process: what is measured is what stands here.
        let service = MicroService(
            "echo", address: "127.0.0.1:\(port)", registry: .memory,
            transport: .grpc(HTTP2Transport.Configuration(tls: tls)),
            configuration: ConfigurationSources(arguments: [])
        ) {
            if generated {
                Echo()
            } else if delay > 0 {
                Endpoint("Echo.Unary") { [delay] (request: Echo_Payload, _: RequestContext) in
                    try await Task.sleep(for: .microseconds(delay))
                    return Self.echo(request)
                }
            } else {
                Endpoint("Echo.Unary") { (request: Echo_Payload, _: RequestContext) in
                    Self.echo(request)
                }
                Endpoint("Echo.ServerStream") {
                    (request: Echo_StreamRequest, replies: MessageWriter<Echo_Payload>, _: RequestContext) in
                    try await Self.stream(request, to: replies)
                }
                Endpoint("Echo.Spin") { (request: Echo_SpinRequest, _: RequestContext) in
                    Self.spin(request)
                }
            }
        }
        let measured = metrics.map { service.using(.metrics, PrometheusMetrics(address: $0)) } ?? service
        await measured.onReady { running in
            print("listening \(running.address)")
            fflush(nil)
        }.main()
    }

    private var tls: TLSConfiguration? {
        guard let tlsCert, let tlsKey else { return nil }
        return TLSConfiguration(certificateChain: .file(tlsCert), privateKey: .file(tlsKey))
    }
}

// MARK: - What the endpoints do

extension EchoServer {
    fileprivate static func echo(_ request: Echo_Payload) -> Echo_Payload {
        .with { $0.payload = request.payload }
    }

    fileprivate static func stream(
        _ request: Echo_StreamRequest, to replies: MessageWriter<Echo_Payload>
    ) async throws {
        let payload = Echo_Payload.with { $0.payload = Data(count: Int(request.size)) }
        for _ in 0..<request.count { try await replies.write(payload) }
    }

    fileprivate static func spin(_ request: Echo_SpinRequest) -> Echo_SpinReply {
        let end = ContinuousClock.now.advanced(by: .microseconds(Int(request.microseconds)))
        while ContinuousClock.now < end {}
        return Echo_SpinReply()
    }
}

/// The same endpoints, by generated code.
private struct Echo: Echo_Echo.Service {
    func unary(_ request: Echo_Payload, context: RequestContext) async throws -> Echo_Payload {
        EchoServer.echo(request)
    }

    func serverStream(
        _ request: Echo_StreamRequest, replies: MessageWriter<Echo_Payload>, context: RequestContext
    ) async throws {
        try await EchoServer.stream(request, to: replies)
    }

    func spin(_ request: Echo_SpinRequest, context: RequestContext) async throws -> Echo_SpinReply {
        EchoServer.spin(request)
    }
}
