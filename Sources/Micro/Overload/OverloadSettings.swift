internal import Logging
import MicroCore

/// What operators may set of a service's protection against overload, and who is protected by what.
struct OverloadSettings: Sendable {
    private enum Protection: String, CaseIterable, Sendable { case adaptive, off }

    private enum Keys {
        static let protection = Setting(
            "server.overload", .choice(), default: Protection.adaptive, scope: .shared,
            "whether unary calls are limited while they take longer the more of them there are; `off` leaves the limits "
                + "below")
        static let floor = Setting(
            "server.overload.floor", .number(in: 1...100_000), default: 8, scope: .shared,
            "as many calls of an endpoint are let in however overloaded it seems")
        static let queue = Setting(
            "server.overload.queue", .number(in: 0...100_000), default: 1000, scope: .shared,
            "how many calls of an endpoint wait at most once its limit is reached, for each criticality; 0 for none"
        )
        static let concurrency = Setting(
            "server.limit.concurrency", .number(in: CallLimits.concurrencies), without: "as in code",
            scope: .shared,
            "how many calls of the service may be in flight, streams included")
        static let rate = Setting(
            "server.limit.rate", .callRate, without: "as in code", scope: .shared,
            "how many calls of the service may begin in a second")
        static let callerRate = Setting(
            "server.limit.caller.rate", .callRate, without: "as in code", scope: .shared,
            "how many calls of the service one caller may begin in a second")
        static let endpoints = Setting(
            "server.limit.endpoints",
            .list("endpoints such as Greeter.Hello:concurrency=10:rate=100/20:caller_rate=5"),
            default: [], scope: .shared,
            "the same for single endpoints")
    }

    /// What operators may set.
    static var declarations: [SettingDeclaration] {
        [
            Keys.protection.declaration, Keys.floor.declaration, Keys.queue.declaration,
            Keys.concurrency.declaration, Keys.rate.declaration, Keys.callerRate.declaration,
            Keys.endpoints.declaration,
        ]
    }

    private let isAdaptive: Bool
    private let floor: Int
    private let queue: Int

    /// The limits of the service as a whole.
    let service: CallLimits

    /// The limits of endpoints by their names, which have to exist.
    private let endpoints: [String: CallLimits]
    private let endpointsVariable: String

    /// Reads the settings.
    ///
    /// - Parameters:
    ///   - settings: What operators have set.
    ///   - limits: What the code says of the service.
    /// - Throws: A ``StartError`` for limits that let nothing in.
    init(_ settings: Settings, limits: CallLimits) throws(StartError) {
        isAdaptive = try settings[Keys.protection] == .adaptive
        floor = try settings[Keys.floor]
        queue = try settings[Keys.queue]
        service = limits.overridden(
            by: CallLimits(
                concurrency: try settings[Keys.concurrency], rate: try settings[Keys.rate],
                callerRate: try settings[Keys.callerRate]))
        try service.check("the service")
        var endpoints: [String: CallLimits] = [:]
        for text in try settings[Keys.endpoints] {
            guard let (name, limits) = Self.endpoint(text) else {
                throw settings.invalid(
                    Keys.endpoints,
                    Keys.endpoints.declaration.takes
                )
            }
            endpoints[name] = limits
        }
        self.endpoints = endpoints
        endpointsVariable = settings.name(Keys.endpoints)
    }

    /// Reads the limits of one endpoint.
    private static func endpoint(_ text: String) -> (String, CallLimits)? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count > 1, let name = parts.first, !name.isEmpty else { return nil }
        var limits = CallLimits()
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { return nil }
            switch pair[0] {
            case "concurrency":
                guard let number = Int(pair[1]), CallLimits.concurrencies.contains(number) else { return nil }
                limits.concurrency = number
            case "rate":
                guard let rate = CallRate(pair[1]) else { return nil }
                limits.rate = rate
            case "caller_rate":
                guard let rate = CallRate(pair[1]) else { return nil }
                limits.callerRate = rate
            default: return nil
            }
        }
        return (String(name), limits)
    }

    /// Checks that limits were set for endpoints that exist.
    ///
    /// - Parameter names: The endpoints' names.
    /// - Throws: A ``StartError`` that names one which doesn't.
    func check(_ names: some Sequence<String>) throws(StartError) {
        let names = Set(names)
        guard let unknown = endpoints.keys.sorted().first(where: { !names.contains($0) }) else { return }
        throw StartError(
            .invalidConfiguration,
            "\(endpointsVariable) limits \"\(unknown.printable(limit: 200))\", which is no endpoint of the service. "
                + "There are: \(names.sorted().joined(separator: ", ")).")
    }

    /// How many calls of an endpoint are in flight, where nothing else is said.
    private func bounds(_ limits: CallLimits, isUnary: Bool) -> EndpointGate.Bounds? {
        let floor = isAdaptive && isUnary ? floor : nil
        guard floor != nil || limits.concurrency != nil else { return nil }
        return EndpointGate.Bounds(
            concurrency: limits.concurrency, adaptiveFloor: floor, queue: isUnary ? queue : 0)
    }

    /// Returns the endpoints' admissions by one factory, so that they share what is the service's.
    ///
    /// - Parameters:
    ///   - name: The service's name.
    ///   - logger: What refusals are logged to.
    /// - Returns: Makes the admission of an endpoint: of its name, what the code says of it, and whether it is unary;
    ///   `nil` if nothing limits it.
    func admissions(
        service name: String, logger: Logger
    ) -> (_ endpoint: String, _ limits: CallLimits, _ isUnary: Bool) throws(StartError) -> Admission? {
        let shared = Admission.Shared(
            concurrency: service.concurrency.map(ConcurrencyLimit.init),
            rate: service.rate.map(TokenBucket.init), callers: service.callerRate.map(CallerBuckets.init))
        let isShared = service != CallLimits()
        return { endpoint, limits, isUnary throws(StartError) in
            let limits = limits.overridden(by: endpoints[endpoint] ?? CallLimits())
            try limits.check("the endpoint \(endpoint)")
            let gate = bounds(limits, isUnary: isUnary).map { EndpointGate($0) }
            guard gate != nil || isShared || limits != CallLimits() else { return nil }
            return Admission(
                gate: gate, limits: limits, shared: shared,
                refusals: Refusals(endpoint: endpoint, service: name, logger: logger))
        }
    }
}

extension SettingKind where Value == CallRate {
    /// How many calls may begin in a second.
    fileprivate static var callRate: Self {
        Self(CallRate.takes, write: \.description) { CallRate($0) }
    }
}
