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
        if httpCode != 0 {
            key("code")
            text.raw(String(httpCode))
        }
        if !detail.isEmpty {
            key("detail")
            text.string(detail)
        }
        if !statusText.isEmpty {
            key("status")
            text.string(statusText)
        }
        text.raw(separator == "{" ? "{}" : "}")
        return text.bytes
    }

    /// Reads an error that go-micro, or we, have written; fails unless its code is above zero.
    ///
    /// - Parameters:
    ///   - json: UTF-8 text.
    ///   - status: The gRPC status that came with it; the one of the code if `nil`.
    public init?(json: [UInt8], status: RPCStatus? = nil) {
        var reader = JSONReader(json, limits: Self.jsonLimits)
        var (id, code, detail, text) = ("", 0, "", "")
        do throws(JSONReader.Fault) {
            try reader.object { reader, key throws(JSONReader.Fault) in
                if key.matches("id") {
                    id = try reader.string()
                } else if key.matches("code") {
                    code = try reader.integer() ?? 0
                } else if key.matches("detail") {
                    detail = try reader.string()
                } else if key.matches("status") {
                    text = try reader.string()
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
            id: id, httpCode: code, detail: detail, statusText: text,
            status: status ?? RPCStatus(httpCode: code))
    }

    /// An error has four members; what else a newer peer adds is skipped within these.
    private static let jsonLimits = JSONReader.Limits(elements: 1024)
}
