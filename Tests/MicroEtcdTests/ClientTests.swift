import EtcdTestSupport
import MicroCore
import MicroEtcd
import MicroTestSupport
import Testing

/// A client before, at and after its run, and users.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ClientTests {
    @Test func needsEndpoints() throws {
        #expect(throws: StartError.self) { try EtcdClient(configuration: EtcdConfiguration(endpoints: [])) }
        #expect(EtcdEndpoint("ftp://a") == nil && EtcdEndpoint("https://a")?.address == "a:2379")
    }

    @Test func saysThatItDoesNotRun() async throws {
        let client = try makeClient("127.0.0.1", timeout: .milliseconds(100))
        let error = await #expect(throws: EtcdError.self) { try await client.get(.key("k")) }
        #expect(error?.code == .unavailable && error?.processed == .no)
        #expect(error?.message.contains("run()") == true)
    }

    @Test func namesTheMemberThatIsAway() async throws {
        let address = "127.0.0.1:\(try FreePort.tcp())"
        try await withClient(try makeClient(address, timeout: .milliseconds(500))) { client in
            let error = await #expect(throws: EtcdError.self) { try await client.get(.key("k")) }
            #expect(error?.code == .unavailable && error?.message.contains(address) == true)
        }
    }

    @Test func runsOnceAtATime() async throws {
        try await withEtcd { client, _ in
            try await client.put(bytes("k"), bytes("v"))
            await #expect(throws: StartError.self) { try await client.run() }
            #expect(try await client.get(.key("k")).count == 1)
        }
        let server = try await EtcdServer.started()
        let client = try makeClient(server.address)
        for _ in 0..<2 {
            try await withClient(client) { client in
                try await eventually("it runs") { (try? await client.get(.key("k"))) != nil }
            }
        }
    }

    /// A user who may use some keys alone, and others not.
    @Test func isOneOfEtcdsUsers() async throws {
        let server = try await EtcdServer.started()
        for command in [
            "user add root:secret", "user grant-role root root", "role add some",
            "role grant-permission some readwrite --prefix=true some/", "user add guest:guest",
            "user grant-role guest some", "auth enable",
        ] {
            try await server.ctl(command.split(separator: " ").map(String.init))
        }
        let guest = EtcdCredentials(user: "guest", password: "guest")
        try await withClient(try makeClient(server.address, credentials: guest)) { client in
            try await client.put(bytes("some/k"), bytes("v"))
            let revision = try await client.get(.key("some/k")).revision
            let error = await #expect(throws: EtcdError.self) { try await client.put(bytes("k"), bytes("v")) }
            #expect(error?.code == .accessDenied && error?.message.contains("permission") == true)
            var iterator = client.watch(.all, after: revision).makeAsyncIterator()
            let refused = await #expect(throws: EtcdError.self) { _ = try await iterator.next() }
            #expect(refused?.code == .accessDenied)
        }
        for credentials in [nil, EtcdCredentials(user: "guest", password: "wrong")] {
            let client = try makeClient(server.address, credentials: credentials)
            let error = await #expect(throws: StartError.self) { try await client.run() }
            #expect(error?.code == .security && error?.message.contains("the credentials") == true)
        }
    }
}
