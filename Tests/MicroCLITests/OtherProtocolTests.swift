import Foundation
import MicroDefaults
import MicroRegistryMDNS
import MicroTestSupport
import Testing

/// Nodes that speak another protocol than gRPC, as go-micro's of the package `mucp` do.
@Suite(.timeLimit(.minutes(2))) struct OtherProtocolTests {
    @Test(arguments: ["health", "stats"])
    func theyAreNamedAndLeftAlone(command: String) async throws {
        let name = "mucp-\(UUID().uuidString.prefix(8).lowercased())"
        let listener = try SilentListener()
        let registry = MDNSRegistry()
        let node = Node(
            id: "\(name)-1", address: "127.0.0.1:\(listener.port)",
            metadata: ["protocol": "mucp", "transport": "http", "server": "mucp"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Answers for the record until the group is cancelled.
            group.addTask { try await registry.run() }
            try await registry.register(ServiceRecord(name: name, nodes: [node]), timeToLive: .seconds(60))
            let shown = try await Programs.micro(command, name, environment: ["MICRO_REGISTRY": "mdns"])
            #expect(shown.status == 127)
            #expect(
                shown.output.contains("not asked: it speaks mucp over http, and 'micro' speaks gRPC"),
                "\(shown.output)\(shown.errors)")
            #expect(!listener.wasConnected)
            group.cancelAll()
        }
    }
}

/// A port that remembers whether anybody came.
private final class SilentListener: Sendable {
    let port: Int
    private let descriptor: Int32

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // Sound because the system is given the structure that it wants, with its length.
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) | listen(descriptor, 8)
                    | getsockname(descriptor, pointer, &length)
            }
        }
        guard status == 0 else { throw TestSupportError("No port: errno \(errno)") }
        port = Int(UInt16(bigEndian: address.sin_port))
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    var wasConnected: Bool {
        var input = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&input, 1, 0) > 0
    }
}
