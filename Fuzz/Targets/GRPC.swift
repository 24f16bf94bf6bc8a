import MicroCore

@testable import MicroGRPC
@testable import MicroHTTP2

extension FuzzTarget {
    /// Messages behind prefixes, and the texts in header fields.
    static var grpc: FuzzTarget {
        FuzzTarget(name: "grpc") {
            [
                [0, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 0], Array("100m".utf8), Array("a%20b%C3%A4%zz".utf8),
                Array("application/grpc+json;a=b".utf8), Array("AQIDBA==".utf8),
                StatusDetails.encode(
                    MicroError(id: "a", httpCode: 400, detail: "b", statusText: "c"), json: [123, 125]),
            ]
        } run: { input in
            cut(input)
            input.withUnsafeBufferPointer { text in
                _ = RPCTimeout.nanoseconds(grpc: text)
                _ = RPCTimeout.nanoseconds(micro: text)
                _ = ContentType.subtype(text)
                _ = (FieldName.of(text), GRPCField.of(text))
            }
            check(
                StatusFields.percentDecoded(StatusFields.percentEncoded(input)) == input, "percent encoding")
            check(Base64.decode(Base64.encode(input, padding: false)) == input, "Base64")
            _ = StatusFields.percentDecoded(input)
            _ = Base64.decode(input)
            _ = StatusDetails.decode(input, status: .unknown)
            _ = StatusFields.error(status: .unknown, message: input, details: input)
        }
    }

    /// Cuts the input into messages twice, in one piece and in many, which must give the same.
    private static func cut(_ input: [UInt8]) {
        let whole = messages(input, pieces: input.count + 1)
        let pieces = messages(input, pieces: 1 + Int(input.first ?? 0))
        check(whole == pieces, "messages differ by how they came")
    }

    private static func messages(_ input: [UInt8], pieces: Int) -> [[UInt8]] {
        var inbox = Inbox(limit: 1000)
        var found: [[UInt8]] = []
        for start in stride(from: 0, to: input.count, by: pieces) {
            input[start..<min(start + pieces, input.count)].withUnsafeBytes { bytes in
                var rest = bytes
                do throws(MessageAssembler.Fault) {
                    while !inbox.isFull, let message = try inbox.next(from: &rest) { inbox.deliver(message) }
                    inbox.buffer(rest)
                } catch {
                    inbox.finish(.failure(error.error), keepsMessages: true)
                }
            }
        }
        while case .success(let message?)? = inbox.poll()?.reading { found.append(message.bytes) }
        // Of a call with a fault it is not told how many messages were read before.
        return inbox.hasEnded ? [] : found
    }
}
