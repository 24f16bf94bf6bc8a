import MicroCore
import Testing

@Suite("TLS from variables", .timeLimit(.minutes(2)))
struct TLSConfigurationTests {
    private func read(_ variables: [String: String]) throws -> TLSConfiguration? {
        try TLSConfiguration(Settings(variables: variables))
    }

    @Test("nothing set means plaintext")
    func plaintext() throws {
        #expect(try read([:]) == nil)
        #expect(try read(["MICRO_TLS_CA": "", "MICRO_REGISTRY": "mdns"]) == nil)
    }

    @Test("all variables arrive")
    func all() throws {
        let tls = try #require(
            try read([
                "MICRO_TLS_CERT": "/c.pem", "MICRO_TLS_KEY": "/k.pem", "MICRO_TLS_CA": "/ca.pem",
                "MICRO_TLS_CLIENT_AUTH": "required", "MICRO_TLS_NAME": "greeter",
            ]))
        #expect(
            tls
                == TLSConfiguration(
                    certificateChain: .file("/c.pem"), privateKey: .file("/k.pem"),
                    trustRoots: .file("/ca.pem"), clientVerification: .required, expectedName: "greeter"))
        #expect(try read(["MICRO_TLS_CA": "system"]) == TLSConfiguration())
        #expect(try read(["MICRO_TLS_INSECURE_SKIP_VERIFY": "true"])?.insecurelySkipsVerification == true)
    }

    @Test("how often files are looked at is no reason for TLS, and holds for all parts")
    func reloadInterval() throws {
        #expect(try read(["MICRO_TLS_RELOAD_INTERVAL": "1m"]) == nil)
        let tls = try read(["MICRO_TLS_CA": "/ca.pem"])
        #expect(tls?.reloadInterval == .seconds(10))
        let variables = ["MICRO_TLS_RELOAD_INTERVAL": "1m", "MICRO_REGISTRY_TLS_CA": "/ca.pem"]
        let context = PluginContext(
            settings: Settings(variables: variables), role: "registry",
            service: ServiceIdentity(name: "greeter", version: "1.0.0", nodeID: "greeter-1"))
        #expect(try context.tls()?.reloadInterval == .seconds(60))
        #expect(
            try read(["MICRO_TLS_CA": "/ca.pem", "MICRO_TLS_RELOAD_INTERVAL": "0"])?.reloadInterval == .zero)
    }

    @Test(
        "values that can't be used name the variable",
        arguments: [
            (["MICRO_TLS_CERT": "/c.pem"], "MICRO_TLS_KEY"),
            (["MICRO_TLS_KEY": "/k.pem"], "MICRO_TLS_CERT"),
            (["MICRO_TLS_CLIENT_AUTH": "maybe"], "\"maybe\""),
            (["MICRO_TLS_CLIENT_AUTH": "required", "MICRO_TLS_CA": "/ca.pem"], "MICRO_TLS_CERT"),
            (
                ["MICRO_TLS_CLIENT_AUTH": "optional", "MICRO_TLS_CERT": "/c", "MICRO_TLS_KEY": "/k"],
                "MICRO_TLS_CA"
            ),
            (["MICRO_TLS_CA": "system", "MICRO_TLS_RELOAD_INTERVAL": "2d"], "MICRO_TLS_RELOAD_INTERVAL"),
            (["MICRO_TLS_INSECURE_SKIP_VERIFY": "perhaps"], "\"perhaps\""),
            (["MICRO_TLS_INSECURE_SKIP_VERIFY": "1", "MICRO_TLS_NAME": "x"], "MICRO_TLS_NAME"),
        ])
    func contradictions(_ variables: [String: String], _ text: String) throws {
        let error = try #require(throws: StartError.self) { try read(variables) }
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.contains(text))
    }
}
