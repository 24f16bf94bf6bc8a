import Micro
import MicroBrokerMemory
import MicroCodecJSON
import MicroCore
import MicroHTTP1
import MicroMetricsPrometheus
import MicroRegistryMemory
import MicroTransportMemory

struct Text: Codable, Hashable, Sendable { var text: String }

/// A service on memory parts that answers, or fails on request.
func makeService(
    _ name: String = "greeter", metrics: PrometheusMetrics? = nil, environment: [String: String] = [:],
    @ServiceBuilder _ more: () -> [any ServiceComponent] = { [] }
) -> MicroService {
    let more = more()
    let service = MicroService(
        name, registry: MemoryRegistry(), transport: MemoryTransport(), broker: MemoryBroker(),
        plugins: [.memoryTransport, .jsonCodec, .memoryRegistry, .prometheusMetrics],
        configuration: ConfigurationSources(
            environment: environment.merging(["MICRO_SERVER_DEREGISTRATION_DELAY": "0"]) { $1 })
    ) {
        Endpoint("Greeter.Hello") { (request: Text, context) in Text(text: "Hello, \(request.text)!") }
        Endpoint("Greeter.Fail") { (request: Text, context) -> Text in
            throw MicroError(.init(rawValue: Int(request.text) ?? 2), "as told")
        }
        more
    }
    return metrics.map { service.using(.metrics, $0) } ?? service
}

extension MicroClient {
    func hello(_ text: String = "x", options: CallOptions = CallOptions()) async throws {
        _ = try await call(
            "greeter", "Greeter.Hello", Text(text: text), returning: Text.self, options: options)
    }

    func fail(_ status: RPCStatus) async {
        _ = try? await call(
            "greeter", "Greeter.Fail", Text(text: "\(status.rawValue)"), returning: Text.self)
    }
}

extension PrometheusMetrics {
    /// Asks for a page, as somebody on the network does.
    func get(_ target: String = "/metrics", accept: String = "", method: String = "GET") async throws
        -> HTTP1Response
    {
        guard let address else { throw StartError(.address, "Nothing is served.") }
        var limits = HTTP1Limits()
        limits.maximumBodySize = 32 << 20
        let client = HTTP1Client(limits: limits)
        defer { client.shutdown() }
        return try await client.send(
            HTTP1Request(method: method, target: target, headers: ["Accept": accept]),
            to: address.description, as: .host("127.0.0.1"), timeout: .seconds(20))
    }

    func text(accept: String = "") async throws -> String {
        String(decoding: try await get(accept: accept).body, as: UTF8.self)
    }

    static let openMetrics = "application/openmetrics-text;version=1.0.0"
}

extension String {
    /// The value of a line of a scrape, by the text before it.
    func value(_ line: String) -> Double? {
        split(separator: "\n").first { $0.hasPrefix("\(line) ") }
            .flatMap { Double($0.dropFirst(line.count + 1).prefix { $0 != " " }) }
    }
}
