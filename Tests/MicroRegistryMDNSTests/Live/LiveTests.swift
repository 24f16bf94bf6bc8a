import MicroCore
import MicroDNS
import Testing

@testable import MicroRegistryMDNS

/// Registries on real sockets, with each other and with processes of another make.
@Suite(.serialized, .timeLimit(.minutes(2))) struct LiveTests {
    @Test func thisMachineHasALoopbackAndARealInterface() {
        #expect(Network.interfaces.count == 2, "The live tests need two interfaces with IPv4 addresses.")
    }

    @Test(arguments: Network.interfaces)
    func registriesFindEachOther(interface: String) async throws {
        let (writer, reader) = (Network.registry(on: [interface]), Network.registry(on: [interface]))
        let service = Network.serviceName()
        let (first, second) = (Network.record(service), Network.record(service, node: "b", port: 8081))
        try await Network.run(reader) {
            #expect(try await reader.lookup(service).isEmpty)
            let changes = reader.watch(service).makeAsyncIterator()
            #expect(try await changes.next() == .synced)
            try await Network.run(writer) {
                try await writer.register(first, timeToLive: nil)
                #expect(try await changes.next() == .up(first))
                try await writer.register(second, timeToLive: nil)
                #expect(try await changes.next() == .up(second))
                #expect(try await reader.lookup(service) == ServiceRecord.merge([first, second]))
                #expect(try await writer.lookup(service) == ServiceRecord.merge([first, second]))
                #expect(try await reader.services().contains(service))
                try await writer.deregister(first)
                #expect(try await changes.next() == .down(first.keys[0]))
            }
            // Stopping takes back what is still there.
            #expect(try await changes.next() == .down(second.keys[0]))
            #expect(try await reader.lookup(service).isEmpty)
        }
    }

    @Test func aLaterWatchBeginsAfresh() async throws {
        let interface = Network.interfaces[0]
        let (writer, reader) = (Network.registry(on: [interface]), Network.registry(on: [interface]))
        let record = Network.record(Network.serviceName())
        try await Network.run(reader, writer) {
            do {
                let changes = reader.watch(record.name).makeAsyncIterator()
                #expect(try await changes.next() == .synced)
                try await writer.register(record, timeToLive: nil)
                #expect(try await changes.next() == .up(record))
            }
            // Nobody listens while the node goes and another one comes.
            try await writer.deregister(record)
            let other = Network.record(record.name, node: "b")
            try await writer.register(other, timeToLive: nil)
            #expect(try await reader.lookup(record.name) == [other])
            let changes = reader.watch(record.name).makeAsyncIterator()
            #expect(try await changes.next() == .up(other))
            #expect(try await changes.next() == .synced)
        }
    }

    @Test(arguments: Network.links)
    func goMicroFindsOurs(interface: String, family: String) async throws {
        let registry = Network.registry(on: [interface])
        let service = Network.serviceName()
        let nodes = [Network.record(service), Network.record(service, node: "b", port: 8081)]
        try await Network.run(registry) {
            for node in nodes { try await registry.register(node, timeToLive: nil) }
            let replies = try await Script("resolve", interface, family, "\(service).micro.", "PTR").packets()
            #expect(replies.count == 2)
            for reply in replies {
                #expect(reply.id == 0 && reply.flags == 0x8400 && reply.port == 5353)
                #expect(reply.questions == [["\(service).micro.", "PTR"]])
                #expect(reply.answers.map(\.type) == ["PTR", "SRV", "A", "TXT"])
                #expect(reply.answers.allSatisfy { $0.ttl == 120 && $0.class == 1 })
                #expect(reply.entry?.A == "127.0.0.1" && reply.entry?.text?.Service == service)
                #expect(reply.entry?.text?.Version == "1.2.3")
                #expect(reply.entry?.text?.Metadata == ["protocol": "grpc"])
            }
            #expect(Set(replies.compactMap { $0.entry?.port }) == [8080, 8081])
            let ids = Set(replies.compactMap { $0.entry?.name })
            #expect(ids == Set(nodes.map { "\($0.nodes[0].id).\(service).micro." }))
            let list = try await Script("resolve", interface, family, "_services.micro.", "PTR").packets()
            let entry = try #require(
                list.compactMap(\.entry).first { $0.name == "\(service)._services.micro." })
            #expect(entry.port == 9999 && entry.A == "0.0.0.0" && entry.text == nil)
        }
    }

    @Test func goMicroFindsServicesWithLongNames() async throws {
        let interface = Network.interfaces[0]
        let registry = Network.registry(on: [interface])
        let service = Network.serviceName() + "abcdefghijklmnopqrstuvwxyz"
        let id = NodeID.make(name: service, unique: "c86d687e-2d79-488c-84a4-b400c7b01a87")
        let record = ServiceRecord(name: service, nodes: [Node(id: id, address: "127.0.0.1:8080")])
        try await Network.run(registry) {
            try await registry.register(record, timeToLive: nil)
            let replies = try await Script("resolve", interface, "4", "\(service).micro.", "PTR").packets()
            #expect(replies.compactMap(\.entry).map(\.name) == ["\(id).\(service).micro."])
        }
    }

    @Test func theNetworkIsToldOfComingAndGoing() async throws {
        let interface = Network.interfaces[0]
        let registry = Network.registry(on: [interface])
        let service = Network.serviceName()
        let record = Network.record(service)
        let listener = try Script("listen", interface, "4", "6", service)
        try await listener.expect("ready")
        try await Network.run(registry) {
            for _ in 0..<3 { try await registry.register(record, timeToLive: .seconds(60)) }
            try await Task.sleep(for: .seconds(4))
        }
        let packets = try await listener.packets()
        let name = "\(record.nodes[0].id).\(service).micro."
        let probes = packets.filter { $0.flags == 0 && $0.questions == [[name, "PTR"]] }
        #expect(probes.count == 3 && probes.allSatisfy { $0.authorities.map(\.type) == ["SRV", "TXT"] })
        let told = packets.filter { $0.flags == 0x8000 }
        #expect(told.allSatisfy { $0.questions.isEmpty && $0.answers.map(\.type) == ["SRV", "A", "TXT"] })
        #expect(told.map(\.answers[0].ttl) == [120, 120, 120, 0])
        #expect(told.allSatisfy { $0.port == 5353 && $0.id == 0 })
        #expect(packets.count == 7)
    }

    private static let shapes: [(shape: String, nodes: [Int])] = [
        ("normal", [1]), ("duplicates", [1]), ("two-messages", [1, 2]), ("two-in-one", [1, 2]),
        ("no-question", [1]), ("address-first", [1]), ("additional", [1]), ("truncated-flag", [1]),
        ("lower-case", [1]), ("multicast", [1]),
    ]

    @Test(arguments: shapes)
    func weFindGoMicrosNodes(shape: String, nodes: [Int]) async throws {
        for (interface, family) in Network.links {
            let registry = Network.registry(on: [interface])
            let service = Network.serviceName()
            let peer = try Script("respond", interface, family, shape, service)
            try await peer.expect("ready")
            try await Network.run(registry) {
                let host = family == "4" ? "127.0.0.1" : "fd00::99"
                let wanted = ServiceRecord(
                    name: service, version: "1.2.3",
                    nodes: nodes.map { number in
                        Node(
                            id: "\(service)-\(number)", address: HostPort.join(host, 9000 + number),
                            metadata: ["protocol": "grpc"])
                    })
                // On a busy machine the second of two answers may come too late for the first lookup.
                var found: [ServiceRecord] = []
                for _ in 0..<20 where found != [wanted] { found = try await registry.lookup(service) }
                #expect(found == [wanted], "\(interface), IPv\(family)")
            }
            await peer.stop()
        }
    }

    @Test(arguments: ["gone", "other-service"])
    func weLeaveOutWhatIsNotThere(shape: String) async throws {
        let interface = Network.interfaces[0]
        let registry = MDNSRegistry(
            configuration: .init(domain: "micro", interfaces: [interface], timeout: .milliseconds(300)))
        let service = Network.serviceName()
        let peer = try Script("respond", interface, "4", shape, service)
        try await peer.expect("ready")
        try await Network.run(registry) {
            let found = try await registry.lookup(service)
            #expect(found.isEmpty)
        }
        await peer.stop()
    }

    @Test(arguments: Network.links)
    func watchersFollowGoMicrosAnnouncements(interface: String, family: String) async throws {
        let registry = Network.registry(on: [interface])
        let service = Network.serviceName()
        try await Network.run(registry) {
            let changes = registry.watch(service).makeAsyncIterator()
            #expect(try await changes.next() == .synced)
            let key = NodeKey(service: service, version: "1.2.3", id: "\(service)-1")
            let peer = try Script("announce", interface, family, service, "120")
            try await peer.expect("ready")
            guard case .up(let record)? = try await changes.next() else {
                Issue.record("The watch did not yield the announced node.")
                return
            }
            #expect(record.keys == [key])
            try peer.tell("go")
            try await peer.expect("gone")
            #expect(try await changes.next() == .down(key))
            // A process that dies without a word: its records run out.
            let doomed = try Script("announce", interface, family, service, "2")
            try await doomed.expect("ready")
            await doomed.stop()
            #expect(try await changes.next() == .up(record))
            #expect(try await changes.next() == .down(key))
        }
    }

    @Test func hostilePacketsDoNoHarm() async throws {
        let registry = Network.registry(on: Network.interfaces)
        let service = Network.serviceName()
        let record = Network.record(service)
        try await Network.run(registry) {
            try await registry.register(record, timeToLive: nil)
            let changes = registry.watch(nil).makeAsyncIterator()
            for (interface, family) in Network.links {
                let attacker = try Script("hostile", interface, family)
                try await attacker.expect("done")
            }
            while let change = try await changes.next() {
                if change == .synced { break }
            }
            #expect(try await registry.lookup(service) == [record])
            let replies = try Script("resolve", Network.interfaces[0], "4", "\(service).micro.", "PTR")
            #expect(try await replies.packets().count == 1)
        }
    }
}
