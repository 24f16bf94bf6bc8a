import MicroCodecJSON
import MicroCore
import MicroWire

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension FuzzTarget {
    /// Service records, errors, and values of the JSON codec.
    static var json: FuzzTarget {
        FuzzTarget(name: "json") {
            [
                #"{"name":"a","version":"1","metadata":null,"endpoints":[{"name":"A.B","request":{"name":"Q","#
                    + #""type":"Q","values":[]},"response":null,"metadata":{}}],"nodes":[{"id":"a-1","#
                    + #""address":"127.0.0.1:80","metadata":{"protocol":"grpc"}}]}"#,
                #"{"id":"go.micro","code":500,"detail":"d","status":"Internal Server Error"}"#,
                #"{"text":"a\u00e4","number":-1.5e3,"date":"2020-01-01T00:00:00.5Z","data":"AQ==","list":[{}]}"#,
            ].map { Array($0.utf8) }
        } run: { input in
            _ = try? ServiceRecord(json: input)
            _ = MicroError(json: input)
            guard let coder = JSONCodec().coder(for: Sample.self, subtype: "json") else { return }
            if let value = try? coder.decode(input.span.bytes) { _ = try? coder.encode(value) }
        }
    }

    private struct Sample: Codable, Sendable {
        var text: String?
        var number: Double?
        var whole: Int?
        var date: Date?
        var data: Data?
        var list: [Sample]?
    }
}
