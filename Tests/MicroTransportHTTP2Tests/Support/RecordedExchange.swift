import Foundation
import Testing

/// One call between go-micro programs, as it was on the wire.
struct RecordedExchange: Decodable, CustomTestStringConvertible, Sendable {
    struct Body: Decodable, Sendable {
        var hex: String
        var zeros: Int?
        var unrecorded: Int?

        /// The bytes; those that were not recorded are zeros in the large messages, too.
        var bytes: [UInt8] {
            var bytes: [UInt8] = []
            var digits = hex[...]
            while let byte = UInt8(digits.prefix(2), radix: 16) {
                bytes.append(byte)
                digits = digits.dropFirst(2)
            }
            return bytes + [UInt8](repeating: 0, count: (zeros ?? 0) + (unrecorded ?? 0))
        }
    }

    struct Request: Decodable, Sendable {
        var headers: [[String]]
        var data: [Body]
        var ended: Bool
        var reset: String?
    }

    struct Response: Decodable, Sendable {
        var headers: [[String]]
        var data: [Body]
        var trailers: [[String]]
        var trailersOnly: Bool
        var reset: String?

        enum CodingKeys: String, CodingKey {
            case headers, data, trailers, reset
            case trailersOnly = "trailers_only"
        }
    }

    var name: String
    var request: Request
    var response: Response?

    var testDescription: String { name }

    /// The messages of a body, without their prefixes.
    static func messages(_ bodies: [Body]) -> [[UInt8]] {
        var rest = bodies.flatMap(\.bytes)[...]
        var messages: [[UInt8]] = []
        while rest.count >= 5 {
            let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
            messages.append(Array(rest.dropFirst(5).prefix(length)))
            rest = rest.dropFirst(5 + length)
        }
        return messages
    }

    /// All exchanges of the fixture.
    static let all: [RecordedExchange] = {
        struct File: Decodable { var exchanges: [RecordedExchange] }
        do {
            let url = try #require(
                Bundle.module.url(
                    forResource: "go-micro-grpc", withExtension: "json", subdirectory: "Fixtures"))
            return try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).exchanges
        } catch {
            Issue.record("The fixture can't be read: \(error)")
            return []
        }
    }()

    /// The exchanges in which the server answered to the end of the call.
    static let answered = all.filter { exchange in
        guard let response = exchange.response, exchange.request.reset == nil else { return false }
        return response.trailersOnly || !response.trailers.isEmpty
    }
}

extension [[String]] {
    /// The first value of a field.
    func value(_ name: String) -> String? { first { $0.first == name }?.last }
}
