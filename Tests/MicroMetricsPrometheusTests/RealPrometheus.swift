import Foundation
import MicroCore
import MicroHTTP1
import MicroTestSupport

/// A real Prometheus on the loopback that scrapes some addresses ten times a second.
final class RealPrometheus: Sendable {
    private let program: ForeignProgram
    private let directory: URL
    private let address: String

    init(scraping targets: [String]) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "micro-prometheus-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        address = "127.0.0.1:\(try FreePort.tcp())"
        let list = targets.map { "\"\($0)\"" }.joined(separator: ", ")
        let configuration = """
            global: {scrape_interval: 100ms, scrape_timeout: 100ms}
            scrape_configs:
              - job_name: micro
                static_configs: [{targets: [\(list)]}]

            """
        let file = directory.appendingPathComponent("prometheus.yml")
        try configuration.write(to: file, atomically: true, encoding: .utf8)
        program = try ForeignProgram(
            "prometheus",
            [
                "--config.file=\(file.path)", "--storage.tsdb.path=\(directory.path)/data",
                "--web.listen-address=\(address)", "--enable-feature=exemplar-storage",
            ], package: "prometheus")
    }

    deinit {
        // A directory that stays is a nuisance in /tmp, not a failed test.
        try? FileManager.default.removeItem(at: directory)
    }

    func waitUntilReady() async throws {
        try await program.waitForOutput("Server is ready to receive web requests")
    }

    func stop() async { await program.stop() }

    /// The values of an expression now, each with its labels.
    func query(_ expression: String) async throws -> [(labels: [String: String], value: Double)] {
        struct Answer: Decodable {
            struct Data: Decodable { var result: [Sample] }
            struct Sample: Decodable {
                var metric: [String: String]
                var value: [Value]
            }
            var data: Data
        }
        let bytes = try await get("/api/v1/query", ["query": expression])
        return try JSONDecoder().decode(Answer.self, from: Data(bytes)).data.result.map { sample in
            guard case .text(let text) = sample.value.last, let value = Double(text) else {
                throw TestSupportError("no value: \(sample)")
            }
            return (sample.metric, value)
        }
    }

    /// The text of an answer of Prometheus's API.
    func get(_ path: String, _ parameters: [String: String]) async throws -> [UInt8] {
        let query = parameters.map { name, value in
            let escaped = value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            return "\(name)=\(escaped)"
        }
        let client = HTTP1Client()
        defer { client.shutdown() }
        let response = try await client.send(
            HTTP1Request(method: "GET", target: "\(path)?\(query.joined(separator: "&"))"), to: address,
            as: .host("127.0.0.1"), timeout: .seconds(20))
        guard response.status == 200 else {
            throw TestSupportError(
                "\(path): \(response.status) \(String(decoding: response.body, as: UTF8.self))")
        }
        return response.body
    }

    /// The number, or the text with a number, of a sample.
    private enum Value: Decodable {
        case number(Double)
        case text(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }
}

/// Prometheus's tool that checks what others write.
enum PromTool {
    /// Runs it, and returns what it says if it isn't content.
    static func complaints(_ arguments: [String], input: String = "") async throws -> String? {
        let program = try ForeignProgram("promtool", arguments, package: "prometheus")
        try program.write(input)
        program.closeInput()
        let status = try await program.exitStatus()
        return status == 0 ? nil : "\(status): \(program.output)\(program.errorOutput)"
    }
}
