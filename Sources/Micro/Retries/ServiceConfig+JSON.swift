internal import FoundationEssentials
public import MicroCore

// gRPC's JSON: https://github.com/grpc/grpc/blob/master/doc/service_config.md, with retries and hedging as gRFC A6
// has them.
extension ServiceConfig {
    /// The largest text that is read.
    private static let limit = 1 << 20

    /// Reads gRPC's service config.
    ///
    /// `methodConfig` with `name`, `timeout`, `retryPolicy` and `hedgingPolicy` counts, and `retryThrottling`, by which the
    /// client's retry budget is a part `tokenRatio` of the calls and half of `maxTokens` to begin with, and
    /// `loadBalancingConfig` or `loadBalancingPolicy`, by which the first policy that has a selector like it is taken. As
    /// in gRPC, what else it has is passed over.
    ///
    /// - Parameter json: The text.
    /// - Throws: A ``StartError`` that says where the text is wrong, or contradicts itself.
    public init(json: String) throws(StartError) {
        guard json.utf8.count <= Self.limit else {
            throw ServiceConfigText.invalid("", "has more than \(Self.limit) bytes")
        }
        let text: ServiceConfigText
        do {
            text = try JSONDecoder().decode(ServiceConfigText.self, from: Data(json.utf8))
        } catch {
            throw ServiceConfigText.invalid("", "can't be read: \(Self.reason(error))")
        }
        var methods: [Method] = []
        var seen: Set<Method.Name> = []
        for (number, method) in (text.methodConfig ?? []).enumerated() {
            let read = try method.method(at: "methodConfig[\(number)]")
            for name in read.names where !seen.insert(name).inserted {
                throw ServiceConfigText.invalid(
                    "methodConfig[\(number)].name", "is there twice: \(name.text)")
            }
            methods.append(read)
        }
        self.init(methods)
        budget = try text.retryThrottling?.limits()
        selector = try text.selector()
    }

    /// Reads a file of gRPC's service config.
    ///
    /// - Parameter path: The file's path.
    /// - Throws: A ``StartError`` that names the file and says what is wrong with it.
    init(file path: String) throws(StartError) {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)) else {
            throw StartError(
                .invalidConfiguration,
                "The service config \"\(path.printable(limit: 500))\" (MICRO_CLIENT_SERVICE_CONFIG) can't be read. Check that "
                    + "it exists and is readable.")
        }
        do {
            try self.init(json: String(decoding: data, as: UTF8.self))
        } catch {
            throw StartError(.invalidConfiguration, "\(path.printable(limit: 500)): \(error.message)")
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case DecodingError.dataCorrupted(let context): describe(context)
        case DecodingError.typeMismatch(_, let context): describe(context)
        case DecodingError.valueNotFound(_, let context): describe(context)
        case DecodingError.keyNotFound(let key, let context): "\(describe(context)) (\(key.stringValue))"
        default: "it is no JSON"
        }
    }

    private static func describe(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
        let place = path.hasPrefix(".") ? String(path.dropFirst()) : path
        return "\(place.isEmpty ? "" : "\(place): ")\(context.debugDescription)".printable(limit: 300)
    }
}

extension ServiceConfig.Method.Name {
    /// The name as an error shows it.
    fileprivate var text: String {
        switch self {
        case .path(let path): path.printable(limit: 200)
        case .service(let service): service.printable(limit: 200)
        case .everything: "the default"
        }
    }
}

/// The text of a service config, before it is checked.
private struct ServiceConfigText: Decodable {
    var methodConfig: [MethodText]?
    var retryThrottling: ThrottlingText?
    var loadBalancingConfig: [LoadBalancingPolicy]?
    var loadBalancingPolicy: String?

    struct MethodText: Decodable {
        var name: [NameText]?
        var timeout: String?
        var retryPolicy: RetryText?
        var hedgingPolicy: HedgingText?
    }

    struct NameText: Decodable {
        var service: String?
        var method: String?
    }

    struct RetryText: Decodable {
        var maxAttempts: Int
        var initialBackoff: String
        var maxBackoff: String
        var backoffMultiplier: Double
        var retryableStatusCodes: [StatusText]
    }

    struct HedgingText: Decodable {
        var maxAttempts: Int
        var hedgingDelay: String?
        var nonFatalStatusCodes: [StatusText]?
    }

    struct ThrottlingText: Decodable {
        var maxTokens: Double
        var tokenRatio: Double
    }

    /// A status by its number, or by its name in capital letters.
    struct StatusText: Decodable {
        let status: RPCStatus

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self), (0...16).contains(number) {
                status = RPCStatus(rawValue: number)
                return
            }
            let name = try container.decode(String.self).uppercased()
            guard let number = (0...16).first(where: { RPCStatus(rawValue: $0).description == name }) else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "\"\(name.printable(limit: 50))\" is no status of gRPC")
            }
            status = RPCStatus(rawValue: number)
        }
    }

    /// More attempts than these count as these (gRFC A6).
    fileprivate static let mostAttempts = 5

    static func invalid(_ place: String, _ reason: String) -> StartError {
        StartError(
            .invalidConfiguration,
            place.isEmpty ? "The service config \(reason)." : "The service config's \(place) \(reason).")
    }

    /// Reads a duration as Protobuf's JSON has it: `1.5s`.
    static func duration(_ text: String, at place: String) throws(StartError) -> Duration {
        let digits = text.dropLast()
        guard text.hasSuffix("s"), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }),
            let seconds = Double(digits), seconds <= 315_576_000_000
        else {
            throw invalid(
                place,
                "is \"\(text.printable(limit: 50))\". It must be seconds with an s behind them, such as 1.5s")
        }
        return .seconds(seconds)
    }

    static func attempts(_ number: Int, at place: String) throws(StartError) -> Int {
        guard number >= 2 else { throw invalid(place, "is \(number). It must be 2 or more") }
        return min(number, mostAttempts)
    }
}

extension ServiceConfigText {
    /// Returns the name of the selector that is like the first known policy.
    ///
    /// - Throws: That none is known, which ends the start as in gRPC.
    func selector() throws(StartError) -> String? {
        let names = loadBalancingConfig?.map(\.name) ?? loadBalancingPolicy.map { [$0.lowercased()] } ?? []
        guard !names.isEmpty else { return nil }
        for name in names { if let selector = LoadBalancingPolicy.selectors[name] { return selector } }
        let place = loadBalancingConfig == nil ? "loadBalancingPolicy" : "loadBalancingConfig"
        let known = LoadBalancingPolicy.selectors.keys.sorted().joined(separator: ", ")
        throw Self.invalid(
            place,
            "has no policy that is known: \(names.joined(separator: ", ").printable(limit: 200)). There are \(known)"
        )
    }
}

extension ServiceConfigText.MethodText {
    func method(at place: String) throws(StartError) -> ServiceConfig.Method {
        guard retryPolicy == nil || hedgingPolicy == nil else {
            throw ServiceConfigText.invalid(
                place, "has a retryPolicy and a hedgingPolicy. Leave one of them out")
        }
        var names: [ServiceConfig.Method.Name] = []
        for name in name ?? [] { names.append(try name.name(at: "\(place).name")) }
        var read = ServiceConfig.Method(names: names, timeout: nil, retry: nil, hedging: nil)
        if let timeout { read.timeout = try ServiceConfigText.duration(timeout, at: "\(place).timeout") }
        read.retry = try retryPolicy?.policy(at: "\(place).retryPolicy")
        read.hedging = try hedgingPolicy?.policy(at: "\(place).hedgingPolicy")
        return read
    }
}

extension ServiceConfigText.NameText {
    func name(at place: String) throws(StartError) -> ServiceConfig.Method.Name {
        let service = service.flatMap { $0.isEmpty ? nil : $0 }
        let method = method.flatMap { $0.isEmpty ? nil : $0 }
        guard let service else {
            guard method == nil else {
                throw ServiceConfigText.invalid(place, "has a method without a service")
            }
            return .everything
        }
        return method.map { .path("/\(service)/\($0)") } ?? .service(service)
    }
}

extension ServiceConfigText.RetryText {
    func policy(at place: String) throws(StartError) -> RetryPolicy {
        let first = try ServiceConfigText.duration(initialBackoff, at: "\(place).initialBackoff")
        let longest = try ServiceConfigText.duration(maxBackoff, at: "\(place).maxBackoff")
        guard first > .zero, longest > .zero, backoffMultiplier > 0, backoffMultiplier.isFinite else {
            throw ServiceConfigText.invalid(place, "has a backoff that is not above zero")
        }
        guard !retryableStatusCodes.isEmpty else {
            throw ServiceConfigText.invalid("\(place).retryableStatusCodes", "is empty")
        }
        return .on(
            Set(retryableStatusCodes.map(\.status)),
            attempts: try ServiceConfigText.attempts(maxAttempts, at: "\(place).maxAttempts"),
            firstDelay: first, longestDelay: longest, factor: backoffMultiplier)
    }
}

extension ServiceConfigText.HedgingText {
    func policy(at place: String) throws(StartError) -> HedgingPolicy {
        HedgingPolicy(
            attempts: try ServiceConfigText.attempts(maxAttempts, at: "\(place).maxAttempts"),
            delay: try hedgingDelay.map { (text) throws(StartError) in
                try ServiceConfigText.duration(text, at: "\(place).hedgingDelay")
            } ?? .zero,
            nonFatal: Set((nonFatalStatusCodes ?? []).map(\.status)))
    }
}

extension ServiceConfigText.ThrottlingText {
    func limits() throws(StartError) -> RetryBudget.Limits {
        guard maxTokens > 0, maxTokens <= 1000, tokenRatio > 0, tokenRatio.isFinite else {
            throw ServiceConfigText.invalid(
                "retryThrottling", "must have maxTokens above 0 and up to 1000, and a tokenRatio above 0")
        }
        return RetryBudget.Limits(part: min(tokenRatio, 1), perSecond: 0, initial: maxTokens / 2)
    }
}
