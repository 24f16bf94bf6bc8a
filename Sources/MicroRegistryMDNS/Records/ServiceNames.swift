internal import MicroDNS

/// The names that go-micro gives to services and nodes under a domain.
struct ServiceNames: Hashable, Sendable {
    /// The domain, `micro` unless configured; it is not `local`.
    let domain: DNSName

    /// The name that lists all services, `_services.micro`.
    let listing: DNSName

    /// The name under which DNS-SD browsers look for service types (RFC 6763, 9).
    let serviceTypes: DNSName

    /// Creates the names of a domain.
    ///
    /// - Parameter domain: The domain; refused if it can't be a domain's name.
    init?(domain: String) {
        guard let domain = DNSName(domain),
            let listing = DNSName("_services")?.under(domain),
            let serviceTypes = DNSName("_services._dns-sd._udp")?.under(domain)
        else { return nil }
        self.domain = domain
        self.listing = listing
        self.serviceTypes = serviceTypes
    }

    /// Returns the name that is asked for to find a service's nodes.
    ///
    /// - Parameter service: The name of the service, whose dots separate labels.
    /// - Returns: `service.micro`, or `nil` if it can't be a name.
    func service(_ service: String) -> DNSName? {
        DNSName(exactly: service)?.under(domain)
    }

    /// Returns the name of a node.
    ///
    /// - Parameters:
    ///   - id: The node's id.
    ///   - service: The name of the service.
    /// - Returns: `id.service.micro`, or `nil` if it can't be a name.
    func instance(_ id: String, of service: String) -> DNSName? {
        self.service(service).flatMap { DNSName(exactly: id)?.under($0) }
    }

    /// Returns the id of a node.
    ///
    /// - Parameters:
    ///   - instance: The node's name.
    ///   - service: The name of the service.
    /// - Returns: The id, or `nil` if it isn't a node of the service.
    func id(of instance: DNSName, service: String) -> String? {
        self.service(service).flatMap { instance.dropping($0)?.text }
    }

    /// Returns the name that stands for a service in the list of all.
    ///
    /// - Parameter service: The name of the service.
    /// - Returns: `service._services.micro`, or `nil` if it can't be a name.
    func listed(_ service: String) -> DNSName? {
        DNSName(exactly: service)?.under(listing)
    }

    /// Returns the service that a name in the list of all stands for.
    ///
    /// - Parameter name: The name in the list.
    /// - Returns: The name of the service, or `nil` if it isn't in the list.
    func listedService(_ name: DNSName) -> String? {
        name.dropping(listing)?.text
    }
}

extension DNSName {
    /// Reads a name that must give the same text back, so no dot may stand at its end.
    fileprivate init?(exactly text: String) {
        guard !text.hasSuffix("."), let name = DNSName(text) else { return nil }
        self = name
    }
}
