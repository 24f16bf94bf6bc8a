internal import MicroCore
internal import MicroPluginKit

/// Asks DNS servers for addresses and services, and tells for how long the answers hold, which the C library's
/// functions don't.
///
/// ```swift
/// let resolver = DNSResolver(configuration: .init(resolvConf: "nameserver 10.0.0.2"))
/// let answer = try await resolver.addresses(of: "db.example.com")
/// ```
///
/// It is a stub resolver: the servers do the work and keep what they have learned. Each question goes out with a
/// number and from a port that nobody can guess, an answer is taken from the server's own address and only if it
/// repeats the question, and one that doesn't fit in a packet is fetched over TCP. Nothing is kept here.
public struct DNSResolver: Sendable {
    /// Whom it asks, and how.
    public let configuration: Configuration

    private let clock: any Clock<Duration>

    /// Creates a resolver.
    ///
    /// - Parameters:
    ///   - configuration: Whom it asks, and how.
    ///   - clock: The clock on which the time for a server's answer passes.
    public init(configuration: Configuration, clock: any Clock<Duration> = ContinuousClock()) {
        self.configuration = configuration
        self.clock = clock
    }

    /// Returns the addresses of a name, of both families.
    ///
    /// - Parameters:
    ///   - name: The name; with a dot at its end it is whole, and no domain is tried.
    ///   - deadline: When it fails at the latest.
    /// - Returns: The addresses, those of IPv4 first, and for how long they hold.
    /// - Throws: A ``DNSError``.
    public func addresses(
        of name: String, until deadline: ContinuousClock.Instant? = nil
    ) async throws(DNSError) -> DNSAnswer<IPAddress> {
        try await first(of: name) { (name) async throws(DNSError) in
            try await addresses(of: name, until: deadline)
        }
    }

    /// Returns where a service is, those that are to be used first in front.
    ///
    /// - Parameters:
    ///   - name: The name, such as `_grpc._tcp.example.com`; with a dot at its end it is whole.
    ///   - deadline: When it fails at the latest.
    /// - Returns: The places; none if the service says that it isn't there (RFC 2782).
    /// - Throws: A ``DNSError``.
    public func services(
        of name: String, until deadline: ContinuousClock.Instant? = nil
    ) async throws(DNSError) -> DNSAnswer<DNSService> {
        try await first(of: name) { (name) async throws(DNSError) in
            var answer = try await records(of: name, .srv, until: deadline).compactMap {
                record -> DNSService? in
                guard case .server(let priority, let weight, let port, let target) = record.data,
                    !target.bytes.isEmpty
                else { return nil }
                return DNSService(priority: priority, weight: weight, port: port, target: target)
            }
            answer.values.sort { ($0.priority, $1.weight) < ($1.priority, $0.weight) }
            return answer
        }
    }
}

extension DNSResolver {
    /// Tries the names that a text may mean until one has something.
    private func first<Value>(
        of text: String, _ resolve: (DNSName) async throws(DNSError) -> DNSAnswer<Value>
    ) async throws(DNSError) -> DNSAnswer<Value> {
        var nothing: DNSAnswer<Value>?
        for name in try configuration.candidates(for: text) {
            let answer = try await resolve(name)
            guard answer.values.isEmpty else { return answer }
            // What exists without anything of the kind says more than what doesn't exist.
            let known = nothing ?? answer
            nothing = known.nameExists ? known : answer
            nothing?.timeToLive = min(known.timeToLive, answer.timeToLive)
        }
        guard let nothing else { throw DNSError(.invalidName, "There is no name to look for.") }
        return nothing
    }

    private func addresses(
        of name: DNSName, until deadline: ContinuousClock.Instant?
    ) async throws(DNSError) -> DNSAnswer<IPAddress> {
        // Both families at once; the first failure ends the other.
        let results = await withTaskGroup(of: (Int, Result<DNSAnswer<DNSRecord>, DNSError>).self) { group in
            for (position, type) in [DNSType.a, .aaaa].enumerated() {
                group.addTask {
                    do throws(DNSError) {
                        return (position, .success(try await records(of: name, type, until: deadline)))
                    } catch {
                        return (position, .failure(error))
                    }
                }
            }
            var results: [Int: Result<DNSAnswer<DNSRecord>, DNSError>] = [:]
            for await (position, result) in group {
                results[position] = result
                if case .failure = result { group.cancelAll() }
            }
            return results
        }
        // The failure that ended the other isn't the cancellation of it.
        for case .failure(let error)? in [results[0], results[1]] where error.code != .cancelled {
            throw error
        }
        guard var answer = try results[0]?.get(), let other = try results[1]?.get() else {
            throw DNSError.cancelled
        }
        if answer.values.isEmpty, !other.values.isEmpty {
            answer = other
        } else if answer.values.isEmpty == other.values.isEmpty {
            // That there is none of the other family says nothing about how long these hold.
            answer.timeToLive = min(answer.timeToLive, other.timeToLive)
            answer.nameExists = answer.nameExists || other.nameExists
            answer.values += other.values
        }
        return answer.compactMap { if case .address(let address) = $0.data { address } else { nil } }
    }

    /// Asks for the records of a name, and for those of the name behind it where it is an alias.
    private func records(
        of name: DNSName, _ type: DNSType, until deadline: ContinuousClock.Instant?
    ) async throws(DNSError) -> DNSAnswer<DNSRecord> {
        var target = name
        var timeToLive = UInt32.max
        for _ in 0...DNSQuery.maximumAliases {
            let query = DNSQuery(target, type)
            switch try query.outcome(of: try await ask(query, until: deadline)) {
            case .records(let records, let name, let seconds):
                return DNSAnswer(
                    values: records, timeToLive: .seconds(min(timeToLive, seconds)), nameExists: true,
                    canonicalName: name)
            case .nothing(let nameExists, let name, let seconds):
                return DNSAnswer(
                    values: [], timeToLive: .seconds(min(timeToLive, seconds)), nameExists: nameExists,
                    canonicalName: name)
            case .alias(let name, let seconds):
                target = name
                timeToLive = min(timeToLive, seconds)
            }
        }
        throw DNSQuery.tooManyAliases(name)
    }

    /// Asks one server after the other until one answers.
    private func ask(
        _ query: DNSQuery, until deadline: ContinuousClock.Instant?
    ) async throws(DNSError) -> DNSMessage {
        var failure = DNSError(.invalidConfiguration, "There is no DNS server to ask.")
        for _ in 0..<max(1, configuration.attempts) {
            for server in configuration.servers {
                let left = deadline.map { ContinuousClock.now.duration(to: $0) } ?? configuration.timeout
                guard left > .zero else {
                    throw DNSError(.timeout, "DNS has not answered in time: \(failure.message)")
                }
                do throws(DNSError) {
                    return try await ask(query, server, within: min(left, configuration.timeout))
                } catch {
                    guard error.code != .cancelled else { throw error }
                    failure = error
                }
            }
        }
        throw failure
    }

    private func ask(
        _ query: DNSQuery, _ server: DNSServer, within limit: Duration
    ) async throws(DNSError) -> DNSMessage {
        let exchange = DNSExchange(query: query, server: server, connectTimeout: limit)
        let answer = try await withTimeLimit(limit, clock: clock) { () async throws(DNSError) in
            let message = try await Self.exchange(exchange, usesExtensions: true)
            guard message.responseCode == .formatError else { return message }
            // A server of before 1999 doesn't know extensions (RFC 6891, 7).
            return try await Self.exchange(exchange, usesExtensions: false)
        }
        guard let message = answer else {
            throw DNSError(.timeout, "The DNS server \(server) has not answered in time.")
        }
        switch message.responseCode {
        case .noError, .noSuchName: return message
        default:
            throw DNSError(
                .serverFailure,
                "The DNS server \(server) doesn't resolve \(query.question.name.text ?? ""): it answers with code "
                    + "\(message.responseCode.rawValue).")
        }
    }

    private static func exchange(
        _ exchange: DNSExchange, usesExtensions: Bool
    ) async throws(DNSError) -> DNSMessage {
        let packet = exchange.query.encoded(usesExtensions: usesExtensions)
        let message = try await exchange.overUDP(packet)
        guard message.flags.contains(.truncated) else { return message }
        return try await exchange.overTCP(packet)
    }
}
