import FoundationEssentials

extension MicroError {
    /// The error as go-micro writes it: `id`, `code`, `detail` and `status`, empty ones left out.
    ///
    /// - Returns: UTF-8 text.
    public func json() -> [UInt8] {
        var text = JSONText()
        var separator = "{"
        func key(_ name: String) {
            text.raw(separator)
            text.string(name)
            text.raw(":")
            separator = ","
        }
        if !id.isEmpty {
            key("id")
            text.string(id)
        }
        if code != 0 {
            key("code")
            text.raw(String(code))
        }
        if !detail.isEmpty {
            key("detail")
            text.string(detail)
        }
        if !status.isEmpty {
            key("status")
            text.string(status)
        }
        text.raw(separator == "{" ? "{}" : "}")
        return text.bytes
    }

    /// Reads an error that go-micro, or we, have written; fails unless its code is above zero.
    ///
    /// - Parameters:
    ///   - json: UTF-8 text.
    ///   - rpcStatus: The gRPC status that came with it; the one of the code if `nil`.
    public init?(json: [UInt8], rpcStatus: RPCStatus? = nil) {
        guard json.first == UInt8(ascii: "{"),
            let fields = try? JSONDecoder().decode(Fields.self, from: Data(json)), fields.code > 0
        else { return nil }
        self.init(
            id: fields.id, code: fields.code, detail: fields.detail, status: fields.status,
            rpcStatus: rpcStatus)
    }

    private struct Fields: Decodable {
        let id: String
        let code: Int
        let detail: String
        let status: String

        init(from decoder: any Decoder) throws {
            let object = try GoObject(decoder)
            id = try object.value("id") ?? ""
            code = try object.value("code") ?? 0
            detail = try object.value("detail") ?? ""
            status = try object.value("status") ?? ""
        }
    }
}
