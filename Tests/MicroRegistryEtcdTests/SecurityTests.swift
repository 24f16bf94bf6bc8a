import EtcdTestSupport
import Logging
import MicroCore
import MicroEtcd
import MicroTestSupport
import Testing

@testable import MicroRegistryEtcd

/// Users, tokens and certificates.
@Suite(.serialized, .timeLimit(.minutes(2))) struct SecurityTests {
    private let record = Fleet.record("a", address: "127.0.0.1:9001")

    /// Starts an etcd that knows the user `root` with the password `secret`.
    private func serverWithUsers(_ arguments: [String] = []) async throws -> EtcdServer {
        let server = try await EtcdServer.started(.init(arguments: arguments))
        try await server.ctl(["user", "add", "root:secret"])
        try await server.ctl(["user", "grant-role", "root", "root"])
        try await server.ctl(["auth", "enable"])
        return server
    }

    /// Returns the error with which a registry's run ends.
    private func startError(_ configuration: EtcdRegistry.Configuration) async throws -> StartError {
        let registry = EtcdRegistry(configuration: configuration)
        try registry.prepare(.empty)
        return try await #require(throws: StartError.self) { try await registry.run() }
    }

    @Test func renewsATokenThatIsTooOld() async throws {
        let server = try await serverWithUsers(["--auth-token-ttl", "1"])
        let credentials = EtcdCredentials(user: "root", password: "secret")
        let configuration = EtcdRegistry.Configuration(addresses: [server.address], credentials: credentials)
        try await Fleet.run(configuration) { fleet in
            try await fleet.expect([fleet.alive, fleet.doomed])
        }
        let registry = EtcdRegistry(configuration: configuration)
        try registry.prepare(.empty)
        try await withRunning(registry) {
            try await registry.register(record, timeToLive: .seconds(60))
            // etcd forgets tokens once a second, and one that was used lives a second longer.
            try await Task.sleep(for: .seconds(4))
            // The first to find out is a watch, and then a call.
            let changes = registry.watch("greeter").makeAsyncIterator()
            #expect(try await changes.next() == .up(record))
            #expect(try await changes.next() == .synced)
            try await Task.sleep(for: .seconds(4))
            var changed = record
            changed.nodes[0].address = "127.0.0.1:9999"
            try await registry.register(changed, timeToLive: .seconds(60))
            #expect(try await changes.next() == .up(changed))
            try await registry.deregister(changed)
        }
    }

    @Test func saysThatAPasswordIsWrong() async throws {
        let server = try await serverWithUsers()
        let wrong = try await startError(
            .init(addresses: [server.address], credentials: .init(user: "root", password: "wrong")))
        #expect(wrong.code == .security)
        #expect(wrong.message.contains(server.address) && wrong.message.contains("authentication failed"))
        #expect(wrong.message.contains("MICRO_REGISTRY_PASSWORD") && !wrong.message.contains("wrong"))
        let missing = try await startError(.init(addresses: [server.address]))
        #expect(missing.message.contains("user name is empty"))
        #expect(missing.message.contains("set MICRO_REGISTRY_USER"))
    }

    @Test func saysThatAUserMayNotReadTheRegistry() async throws {
        let server = try await EtcdServer.started()
        for command in [
            "user add root:secret", "user grant-role root root", "user add guest:guest", "auth enable",
        ] {
            try await server.ctl(command.split(separator: " ").map(String.init))
        }
        let error = try await startError(
            .init(addresses: [server.address], credentials: .init(user: "guest", password: "guest")))
        #expect(
            error.message.contains("permission denied") && error.message.contains("MICRO_REGISTRY_PREFIX"))
    }

    @Test func servesAUserWhomNobodyAskedFor() async throws {
        let server = try await EtcdServer.started()
        let configuration = EtcdRegistry.Configuration(
            addresses: [server.address], credentials: .init(user: "root", password: "secret"))
        let registry = EtcdRegistry(configuration: configuration)
        try registry.prepare(.empty)
        try await withRunning(registry) {
            try await registry.register(record, timeToLive: nil)
            #expect(try await registry.lookup("greeter") == [record])
        }
    }

    @Test func speaksTLSAndShowsItsCertificate() async throws {
        let certificates = try await TestCertificates()
        let issued = try await certificates.issue(.server)
        let client = try await certificates.issue(.client)
        let server = try await EtcdServer.started(
            .init(
                scheme: "https",
                arguments: [
                    "--cert-file", issued.certificatePath, "--key-file", issued.keyPath, "--trusted-ca-file",
                    certificates.rootPath, "--client-cert-auth",
                ]))
        var configuration = EtcdRegistry.Configuration(addresses: ["https://\(server.address)"])
        configuration.tls = TLSConfiguration(
            certificateChain: .file(client.certificatePath), privateKey: .file(client.keyPath),
            trustRoots: .file(certificates.rootPath))
        try await Fleet.run(configuration) { fleet in
            try await fleet.expect([fleet.alive, fleet.doomed])
        }

        // Without a certificate we are refused, and with the wrong trust we refuse.
        configuration.tls = TLSConfiguration(trustRoots: .file(certificates.rootPath))
        let refused = try await startError(configuration)
        #expect(refused.code == .security)
        #expect(refused.message.contains(server.address) && refused.message.contains("The server refused us"))
        configuration.tls = TLSConfiguration(trustRoots: .file(certificates.otherRootPath))
        let untrusted = try await startError(configuration)
        #expect(
            untrusted.message.contains(server.address) && untrusted.message.contains("We refused the server"))

        // Who doesn't speak TLS to it is told that it may.
        let plain = EtcdRegistry(configuration: .init(addresses: [server.address], timeout: .seconds(1)))
        try plain.prepare(.empty)
        let error = try await #require(throws: MicroError.self) {
            try await withRunning(plain) { try await plain.lookup("greeter") }
        }
        #expect(error.status == .unavailable && error.detail.contains("https://"), "\(error)")
    }

    @Test func saysThatAnEtcdSpeaksNoTLS() async throws {
        let server = try await EtcdServer.started()
        let error = try await startError(.init(addresses: ["https://\(server.address)"]))
        #expect(error.code == .security && error.message.contains("speak TLS"), "\(error)")
    }
}
