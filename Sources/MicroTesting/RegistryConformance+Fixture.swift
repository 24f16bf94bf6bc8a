import MicroCore

extension RegistryConformance.Fixture {
    /// Endpoints with everything that a record can say of them.
    static let sampleEndpoints = [
        EndpointRecord(
            name: "Greeter.Hello",
            request: ValueRecord(
                name: "HelloRequest", type: "HelloRequest",
                values: [
                    ValueRecord(name: "name", type: "string"), ValueRecord(name: "raw", type: "[]uint8"),
                ]
            ),
            response: ValueRecord(name: "HelloReply", type: "HelloReply", values: []),
            metadata: ["stream": "true", "note": "\"quoted\" <&> ünïcode"]),
        EndpointRecord(name: "Greeter.Bye", request: nil, response: nil, metadata: [:]),
    ]

    /// A record with one node.
    func record(
        _ name: String, version: String = "1.0.0", node: String, address: String = "127.0.0.1:8081",
        endpoints: [EndpointRecord]? = nil
    ) -> ServiceRecord {
        let service = "\(prefix).\(name)"
        return ServiceRecord(
            name: service, version: version, endpoints: endpoints,
            nodes: [
                Node(id: "\(service)-\(node)", address: address, metadata: ["protocol": "grpc", "zone": "a"])
            ])
    }

    /// Waits until a lookup returns some records, in whatever order.
    func expectLookup(_ name: String, _ wanted: [ServiceRecord]) async throws {
        var found: [ServiceRecord] = []
        let end = ContinuousClock.now + suite.spreadTime
        repeat {
            found = try await reader.lookup("\(prefix).\(name)")
            if Self.normalised(found) == Self.normalised(wanted) { return }
            try await Task.sleep(for: .milliseconds(5))
        } while ContinuousClock.now < end
        findings.expect(false, "A lookup should return \(wanted), and returned \(found).")
    }

    /// Lets time pass: on the clock of the registries if they have one, and by waiting otherwise.
    func pass(_ time: Duration) async throws {
        guard let clock = suite.clock else { return try await Task.sleep(for: time) }
        clock.advance(by: time)
    }

    private static func normalised(_ records: [ServiceRecord]) -> [ServiceRecord] {
        records.sorted { $0.version < $1.version }.map { record in
            var record = record
            record.nodes.sort { $0.id < $1.id }
            return record
        }
    }
}
