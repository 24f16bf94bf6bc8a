import MicroBrokerNATS
import MicroCore
import MicroNATS
import MicroTesting
import Testing

@Suite("NATS addresses", .timeLimit(.minutes(2)))
struct AddressTests {
    @Test("Reads addresses")
    func good() throws {
        #expect(try NATSServer("nats://10.0.0.1:4223") == NATSServer(host: "10.0.0.1", port: 4223))
        #expect(try NATSServer("localhost") == NATSServer(host: "localhost", port: 4222))
        #expect(try NATSServer("tls://h:1") == NATSServer(host: "h", port: 1, requiresTLS: true))
        #expect(try NATSServer("[::1]:5").host == "::1")
        #expect(try NATSServer("nats://[::1]").description == "[::1]:4222")
        #expect(try NATSServer("nats://u:p%40%3A@h").credentials == .user("u", password: "p@:"))
        #expect(try NATSServer("nats://t0ken@h/").credentials == .token("t0ken"))
    }

    @Test(
        "Shows no part of a password with a comma in it",
        arguments: ["nats://root:sec,ret@h:4222", "h:1,nats://root:sec ret@h:4222"])
    func list(_ text: String) {
        let context = PluginContext.testing(role: "broker", variables: ["MICRO_BROKER_ADDRESS": text])
        let error = #expect(throws: StartError.self) { try NATSBroker.Configuration(context: context) }
        #expect(error?.message.contains("MICRO_BROKER_PASSWORD") == true)
        #expect(error?.message.contains("sec") == false && error?.message.contains("root") == false)
    }

    @Test(
        "Refuses others, and shows no password",
        arguments: [
            "", "http://h", "nats://", "h:0", "h:65536", "h:x", "::1", "[::1", "[::1]x", "a b", "u:secret@",
            "u:secret%4@h",
            "u:secret@h:99999",
        ])
    func bad(_ text: String) {
        #expect {
            _ = try NATSServer(text)
        } throws: { error in
            guard let error = error as? NATSError else { return false }
            return error.code == .invalidAddress && !error.message.contains("secret")
        }
    }
}
