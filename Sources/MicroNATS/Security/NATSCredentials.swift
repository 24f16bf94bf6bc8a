internal import MicroCore
internal import MicroTLS

/// How a client proves who it is.
///
/// Files are read anew for each connection, so that they can be renewed while the client runs.
public struct NATSCredentials: Hashable, Sendable {
    private enum Kind: Hashable {
        case user(String, String)
        case token(String)
        case seed(String)
        case seedFile(String)
        case file(String)
    }

    private let kind: Kind

    /// Returns a user with a password.
    ///
    /// - Parameters:
    ///   - name: The user.
    ///   - password: The password.
    /// - Returns: The credentials.
    public static func user(_ name: String, password: String) -> Self { Self(kind: .user(name, password)) }

    /// Returns a token.
    ///
    /// - Parameter token: The token.
    /// - Returns: The credentials.
    public static func token(_ token: String) -> Self { Self(kind: .token(token)) }

    /// Returns an nkey.
    ///
    /// - Parameter seed: The seed, such as `SUA…`.
    /// - Returns: The credentials.
    public static func nkey(seed: String) -> Self { Self(kind: .seed(seed)) }

    /// Returns an nkey whose seed is in a file.
    ///
    /// - Parameter path: The file.
    /// - Returns: The credentials.
    public static func nkey(file path: String) -> Self { Self(kind: .seedFile(path)) }

    /// Returns a user's JWT and seed in a credentials file, as `nsc` writes it.
    ///
    /// - Parameter path: The file.
    /// - Returns: The credentials.
    public static func credentials(file path: String) -> Self { Self(kind: .file(path)) }

    /// Answers a server.
    ///
    /// - Parameter nonce: The server's challenge.
    /// - Returns: What proves who we are.
    /// - Throws: A ``NATSError`` with the code `invalidCredentials`.
    @concurrent
    func login(nonce: String?) async throws(NATSError) -> Login {
        switch kind {
        case .user(let user, let password): return Login(user: user, password: password)
        case .token(let token): return Login(token: token)
        case .seed(let seed): return try Self.login(seed: seed, jwt: nil, nonce: nonce)
        case .seedFile(let path):
            let text = try Self.read(path)
            guard let seed = Self.seed(in: text) else {
                throw NATSError(.invalidCredentials, "The file \(path) has no line with an nkey seed.")
            }
            return try Self.login(seed: seed, jwt: nil, nonce: nonce)
        case .file(let path):
            let text = try Self.read(path)
            guard let jwt = Self.section("NATS USER JWT", of: text), let seed = Self.seed(in: text) else {
                throw NATSError(
                    .invalidCredentials,
                    "The credentials file \(path) can't be used: it needs a section NATS USER JWT and one with the "
                        + "user's nkey seed, as nsc writes them.")
            }
            return try Self.login(seed: seed, jwt: jwt, nonce: nonce)
        }
    }

    private static func login(seed: String, jwt: String?, nonce: String?) throws(NATSError) -> Login {
        let key = try NKey(seed: seed)
        guard let nonce else {
            throw NATSError(
                .authenticationFailed,
                "The NATS server sends no challenge: it isn't configured for nkeys or JWTs.")
        }
        return Login(jwt: jwt, nkey: jwt == nil ? key.publicKey : nil, signature: try key.sign(nonce))
    }

    private static func read(_ path: String) throws(NATSError) -> String {
        do throws(SmallFile.Failure) {
            return String(decoding: try SmallFile.bytes(of: path, limit: 1 << 16), as: UTF8.self)
        } catch {
            throw NATSError(.invalidCredentials, "The file \(path) \(error.reason)")
        }
    }

    private static func lines(_ text: String) -> [Substring] {
        text.split(whereSeparator: \.isNewline).map { line in
            line.drop(while: \.isWhitespace).prefix { !$0.isWhitespace || $0 == " " }
        }
    }

    /// The first line that looks like a seed.
    private static func seed(in text: String) -> String? {
        for line in lines(text) {
            let word = String(line.prefix { $0 != " " })
            if word.utf8.count == 58, word.hasPrefix("S") { return word }
        }
        return nil
    }

    /// The text between the lines `-----BEGIN name-----` and the next one of dashes.
    private static func section(_ name: String, of text: String) -> String? {
        var isInside = false
        var body = ""
        for line in lines(text) {
            if isInside {
                if line.hasPrefix("---") { return body.isEmpty ? nil : body }
                body += line.filter { $0 != " " }
            } else if line.hasPrefix("---"), line.contains("BEGIN \(name)") {
                isInside = true
            }
        }
        return nil
    }
}

extension NATSCredentials: CustomStringConvertible {
    /// The kind of the credentials, and never a secret.
    public var description: String {
        switch kind {
        case .user(let name, _): "user \(name)"
        case .token: "a token"
        case .seed: "an nkey"
        case .seedFile(let path): "the nkey in \(path)"
        case .file(let path): "the credentials in \(path)"
        }
    }
}
