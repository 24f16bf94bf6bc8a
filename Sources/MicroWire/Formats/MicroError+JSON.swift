public import MicroCore

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
        var reader = JSONReader(json, limits: Self.jsonLimits)
        var (id, code, detail, status) = ("", 0, "", "")
        do throws(JSONReader.Fault) {
            try reader.object { reader, key throws(JSONReader.Fault) in
                if key.matches("id") {
                    id = try reader.string()
                } else if key.matches("code") {
                    code = try reader.integer() ?? 0
                } else if key.matches("detail") {
                    detail = try reader.string()
                } else if key.matches("status") {
                    status = try reader.string()
                } else {
                    try reader.skip()
                }
            }
            try reader.end()
        } catch {
            return nil
        }
        guard code > 0 else { return nil }
        self.init(
            id: id, code: code, detail: detail, status: status,
            rpcStatus: rpcStatus ?? RPCStatus(microCode: code))
    }

    /// An error has four members; what else a newer peer adds is skipped within these.
    private static let jsonLimits = JSONReader.Limits(elements: 1024)
}
