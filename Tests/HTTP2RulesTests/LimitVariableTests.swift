import MicroCore
import MicroTransportHTTP2
import Testing

/// The variables that bound what a client may take.
@Suite(.timeLimit(.minutes(2))) struct LimitVariableTests {
    private func configuration(_ variables: [String: String]) throws -> HTTP2Transport.Configuration {
        try HTTP2Transport.Configuration(
            context: PluginContext(
                settings: Settings(variables: variables), role: "transport",
                service: ServiceIdentity(name: "test", version: "1", nodeID: "test-1")))
    }

    @Test func goodValuesAreTaken() throws {
        let read = try configuration([
            "MICRO_SERVER_HANDSHAKE_TIMEOUT": "1500ms", "MICRO_SERVER_STALL_TIMEOUT": "2m",
            "MICRO_SERVER_CONTROL_FRAMES": "10", "MICRO_SERVER_RESETS": "1000000",
            "MICRO_SERVER_MAX_CONNECTIONS": "1", "MICRO_SERVER_MAX_UNREAD_BYTES": "1",
            "MICRO_SERVER_STRICT_FIELDS": "yes",
        ])
        #expect(read.isStrictOnFields)
        #expect(read.maximumUnreadBytes == 1)
        #expect(read.handshakeTimeout == .milliseconds(1500))
        #expect(read.stallTimeout == .seconds(120))
        #expect(read.controlFrameBudget == 10)
        #expect(read.resetBudget == 1_000_000)
        #expect(read.maximumConnections == 1)
    }

    @Test func valuesThatAreMissingOrEmptyLeaveTheDefaults() throws {
        let names = Set(Self.bad.map(\.name))
        for variables in [[:], Dictionary(uniqueKeysWithValues: names.map { ($0, "") })] {
            let read = try configuration(variables)
            #expect(read.handshakeTimeout == .seconds(10))
            #expect(read.stallTimeout == .seconds(60))
            #expect(read.maximumUnreadBytes == 64 << 20)
            #expect(read.controlFrameBudget == 1000)
            #expect(read.resetBudget == 500)
            #expect(read.maximumConnections == nil)
            #expect(!read.isStrictOnFields)
        }
    }

    static let bad: [(name: String, value: String)] = [
        ("MICRO_SERVER_HANDSHAKE_TIMEOUT", "10"), ("MICRO_SERVER_HANDSHAKE_TIMEOUT", "99ms"),
        ("MICRO_SERVER_HANDSHAKE_TIMEOUT", "601s"), ("MICRO_SERVER_HANDSHAKE_TIMEOUT", "-1s"),
        ("MICRO_SERVER_STALL_TIMEOUT", "soon"), ("MICRO_SERVER_STALL_TIMEOUT", "0s"),
        ("MICRO_SERVER_STALL_TIMEOUT", "25h"), ("MICRO_SERVER_STALL_TIMEOUT", "99999999999999999999h"),
        ("MICRO_SERVER_CONTROL_FRAMES", "9"), ("MICRO_SERVER_CONTROL_FRAMES", "1000001"),
        ("MICRO_SERVER_CONTROL_FRAMES", "many"), ("MICRO_SERVER_RESETS", "0"),
        ("MICRO_SERVER_RESETS", "1.5"), ("MICRO_SERVER_RESETS", "99999999999999999999"),
        ("MICRO_SERVER_MAX_UNREAD_BYTES", "0"), ("MICRO_SERVER_MAX_UNREAD_BYTES", "64 MiB"),
        ("MICRO_SERVER_MAX_CONNECTIONS", "0"), ("MICRO_SERVER_MAX_CONNECTIONS", "-1"),
        ("MICRO_SERVER_MAX_CONNECTIONS", "10000001"), ("MICRO_SERVER_STRICT_FIELDS", "perhaps"),
    ]

    @Test(arguments: bad)
    func badValuesAreRefusedByName(_ name: String, _ value: String) throws {
        let error = try #require(throws: StartError.self) { _ = try configuration([name: value]) }
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.contains(name))
        #expect(error.message.contains("\"\(value)\""))
    }
}
