internal import MicroCore

/// How a client calls the methods of services, set apart from the code that calls them.
///
/// ```swift
/// let config = ServiceConfig([
///     .init("greeter", timeout: .seconds(1)),
///     .init("greeter", "Greeter.Hello", retry: .on([.unavailable], attempts: 4)),
///     .init("search", "Search.Query", hedging: HedgingPolicy(delay: .milliseconds(50))),
/// ])
/// let client = MicroClient(serviceConfig: config)
/// ```
///
/// Operators can give one as a file, `MICRO_CLIENT_SERVICE_CONFIG`, in gRPC's JSON (``init(json:)``); what the code says of
/// a method goes before it. What the options of a call say goes before both.
public struct ServiceConfig: Sendable {
    /// What holds for a method, for all methods of a service, or for all that are called.
    public struct Method: Hashable, Sendable {
        /// What it holds for.
        enum Name: Hashable {
            /// `/package.Type/Method`.
            case path(String)

            /// `package.Type`, as paths have it, or the name under which a service is registered.
            case service(String)
            case everything
        }

        let names: [Name]

        /// How long a call may take, with all attempts; a shorter time in a call's options counts.
        public var timeout: Duration?

        /// Which failed attempts are made again; as usual if `nil`.
        public var retry: RetryPolicy?

        /// Whether a call has several attempts at once.
        public var hedging: HedgingPolicy?

        init(names: [Name], timeout: Duration?, retry: RetryPolicy?, hedging: HedgingPolicy?) {
            self.names = names
            self.timeout = timeout
            self.retry = retry
            self.hedging = hedging
        }

        /// Creates what holds for a service or one of its endpoints.
        ///
        /// - Parameters:
        ///   - service: The service's registered name; `nil` for all services.
        ///   - endpoint: The endpoint, `Type.Method` or a whole path; `nil` for all of the service.
        ///   - timeout: How long a call may take, with all attempts.
        ///   - retry: Which failed attempts are made again.
        ///   - hedging: Whether a call has several attempts at once, which takes the place of retries.
        public init(
            _ service: String?, _ endpoint: String? = nil, timeout: Duration? = nil,
            retry: RetryPolicy? = nil, hedging: HedgingPolicy? = nil
        ) {
            let name: Name =
                switch (service, endpoint) {
                case (let service?, let endpoint?):
                    .path(CallPath(service: service, endpoint: endpoint).description)
                case (let service?, nil): .service(service)
                case (nil, let endpoint?): .path(CallPath(service: "", endpoint: endpoint).description)
                case (nil, nil): .everything
                }
            self.init(names: [name], timeout: timeout, retry: retry, hedging: hedging)
        }
    }

    private var methods: [Method.Name: Method] = [:]

    /// How many retries there may be; the client's own limits if `nil`.
    var budget: RetryBudget.Limits?

    /// The name of the selector that picks nodes; the client's if `nil`.
    var selector: String?

    /// Creates a configuration.
    ///
    /// - Parameter methods: What holds for methods; of two for one name the later one counts.
    public init(_ methods: [Method] = []) {
        for method in methods { for name in method.names { self.methods[name] = method } }
    }

    /// Returns what holds for the calls of a method: what was said of it, else of its service, else of everything.
    ///
    /// - Parameters:
    ///   - path: The path of the calls.
    ///   - service: The service's registered name.
    /// - Returns: What holds; `nil` if nothing was said.
    func method(path: String, service: String) -> Method? {
        guard !methods.isEmpty else { return nil }
        let type = path.dropFirst().prefix { $0 != "/" }
        return methods[.path(path)] ?? methods[.service(String(type))] ?? methods[.service(service)]
            ?? methods[.everything]
    }
}
