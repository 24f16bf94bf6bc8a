internal import FoundationEssentials
internal import MicroCore
internal import NIOCore

/// What a server says of itself: the JSON of its `INFO`.
struct ServerInfo: Decodable, Sendable {
    var serverID: String?
    var serverName: String?
    var version: String?
    var headers: Bool?
    var authRequired: Bool?
    var tlsRequired: Bool?
    var tlsAvailable: Bool?
    var maxPayload: Int?
    var connectURLs: [String]?
    var lameDuck: Bool?
    var nonce: String?
    var jetStream: Bool?

    private enum CodingKeys: String, CodingKey {
        case serverID = "server_id"
        case serverName = "server_name"
        case version
        case headers
        case authRequired = "auth_required"
        case tlsRequired = "tls_required"
        case tlsAvailable = "tls_available"
        case maxPayload = "max_payload"
        case connectURLs = "connect_urls"
        case lameDuck = "ldm"
        case nonce
        case jetStream = "jetstream"
    }

    /// The greatest number of bytes of headers and payload that the server takes.
    var payloadLimit: Int { maxPayload.map { max($0, 0) } ?? 1 << 20 }

    /// The most servers that are learnt from one server.
    static let maximumURLs = 256

    static func decode(_ text: ByteBuffer) throws(ProtocolFault) -> ServerInfo {
        do {
            var info = try JSONDecoder().decode(ServerInfo.self, from: Data(text.readableBytesView))
            info.connectURLs = info.connectURLs.map { Array($0.prefix(maximumURLs)) }
            return info
        } catch {
            throw ProtocolFault("the server's INFO can't be read: \("\(error)".printable())")
        }
    }
}

/// What we say of ourselves: the JSON of `CONNECT`.
struct ConnectRequest: Encodable {
    var verbose = false
    var pedantic = false
    var tlsRequired: Bool
    var name: String
    var lang = "swift"
    var version = "1"
    var protocolVersion = 1
    var echo: Bool
    var headers = true
    var noResponders = true
    var login: Login

    private enum CodingKeys: String, CodingKey {
        case verbose, pedantic, name, lang, version, echo, headers, user, pass, jwt, nkey, sig
        case tlsRequired = "tls_required"
        case protocolVersion = "protocol"
        case noResponders = "no_responders"
        case token = "auth_token"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(verbose, forKey: .verbose)
        try container.encode(pedantic, forKey: .pedantic)
        try container.encode(tlsRequired, forKey: .tlsRequired)
        try container.encode(name, forKey: .name)
        try container.encode(lang, forKey: .lang)
        try container.encode(version, forKey: .version)
        try container.encode(protocolVersion, forKey: .protocolVersion)
        try container.encode(echo, forKey: .echo)
        try container.encode(headers, forKey: .headers)
        try container.encode(noResponders, forKey: .noResponders)
        try container.encodeIfPresent(login.user, forKey: .user)
        try container.encodeIfPresent(login.password, forKey: .pass)
        try container.encodeIfPresent(login.token, forKey: .token)
        try container.encodeIfPresent(login.jwt, forKey: .jwt)
        try container.encodeIfPresent(login.nkey, forKey: .nkey)
        try container.encodeIfPresent(login.signature, forKey: .sig)
    }

    /// The line as it is sent.
    func line() throws(NATSError) -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var buffer = ByteBuffer(string: "CONNECT ")
        do {
            buffer.writeBytes(try encoder.encode(self))
        } catch {
            throw NATSError(.protocolViolation, "The request for admission can't be written: \(error)")
        }
        buffer.writeString("\r\n")
        return buffer
    }
}

/// How we prove who we are, in one connection.
struct Login: Hashable, Sendable {
    var user: String?
    var password: String?
    var token: String?
    var jwt: String?
    var nkey: String?
    var signature: String?
}
