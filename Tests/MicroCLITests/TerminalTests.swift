import Foundation
import MicroCore
import MicroDefaults
import MicroTestSupport
import Testing

@testable import MicroCommands

/// What a peer sends is shown, and does nothing to the terminal.
@Suite(.timeLimit(.minutes(2))) struct TerminalTests {
    private struct Name: Codable { var name: String }

    /// A colour by a C1 control character, a direction override, a bell as JSON escapes it, and a tag.
    private static let hostile = "a\u{9B}31mb\u{202E}c\u{7}d\u{E0041}e\u{2028}f"

    private static let harmful: [Unicode.Scalar] = ["\u{9B}", "\u{202E}", "\u{7}", "\u{E0041}", "\u{2028}"]

    @Test func escapesKeepJSONWhatItMeans() throws {
        let text = Array("{\"k\u{202E}\":\"\(Self.hostile)é👩‍👩‍👧\"}".utf8.filter { $0 != 7 })
        let escaped = JSONEscapes.applied(to: text)
        #expect(
            String(decoding: escaped, as: UTF8.self)
                == #"{"k\u202e":"a\u009b31mb\u202ecd\udb40\udc41e\u2028fé👩‍👩‍👧"}"#)
        let decoder = JSONDecoder()
        #expect(
            try decoder.decode([String: String].self, from: Data(escaped))
                == decoder.decode([String: String].self, from: Data(text)))
        #expect(JSONEscapes.applied(to: Array("{\n\t\"a\": 1\n}\n".utf8)) == Array("{\n\t\"a\": 1\n}\n".utf8))
        #expect(JSONEscapes.applied(to: [0xFF, 0x1B]) == Array("\u{FFFD}\\u001b".utf8))
    }

    private func withService(_ body: @Sendable (_ address: String) async throws -> Void) async throws {
        let service = MicroService(
            "hostile", address: "127.0.0.1:0", configuration: ["registry": "memory"]
        ) {
            Endpoint("Hostile.Say") { (_: Name, _) in Name(name: Self.hostile) }
            Endpoint("Hostile.Tell") { (_: Name, replies: MessageWriter<Name>, _) in
                try await replies.write(Name(name: Self.hostile))
            }
            Endpoint("Hostile.Fail") { (_: Name, _) -> Name in
                throw MicroError(id: "hostile", httpCode: 400, detail: Self.hostile)
            }
        }
        try await service.withRunning { running in try await body(running.address.description) }
    }

    private func isHarmless(_ text: String) -> Bool {
        // A terminal's driver ends lines with a carriage return.
        text.unicodeScalars.allSatisfy {
            !Self.harmful.contains($0) && ($0.isHarmless || "\r\n\t".unicodeScalars.contains($0))
        }
    }

    @Test(arguments: [
        ("call", "Hostile.Say", "json"), ("call", "Hostile.Say", "raw"), ("call", "Hostile.Fail", "json"),
        ("stream", "Hostile.Tell", "json"), ("stream", "Hostile.Tell", "raw"),
    ])
    func aReplyDoesNothingToATerminal(command: String, endpoint: String, output: String) async throws {
        try await withService { address in
            let line =
                "\(try Programs.path("micro")) \(command) hostile \(endpoint) '{\"name\":\"x\"}' "
                + "--address \(address) -o \(output)"
            // Gives the command a terminal, and writes what that was sent.
            let terminal = try ForeignProgram("script", ["-qec", line, "/dev/null"], package: "bsdutils")
            #expect(try await terminal.exitStatus() == (endpoint == "Hostile.Fail" ? 127 : 0))
            #expect(terminal.output.contains("a\\u009b31mb\\u202ec"), "\(terminal.output)")
            #expect(isHarmless(terminal.output))
        }
    }

    @Test func aProgramGetsRawRepliesByteForByteAndJSONThatMeansTheSame() async throws {
        try await withService { address in
            let raw = try await Programs.micro(
                "call", "hostile", "Hostile.Say", #"{"name":"x"}"#, "--address", address, "-o", "raw")
            #expect(raw.output.contains("\u{9B}31mb\u{202E}c"))
            let json = try await Programs.micro(
                "call", "hostile", "Hostile.Say", #"{"name":"x"}"#, "--address", address)
            #expect(isHarmless(json.output))
            #expect(try JSONDecoder().decode(Name.self, from: Data(json.output.utf8)).name == Self.hostile)
            let failed = try await Programs.micro(
                "call", "hostile", "Hostile.Fail", #"{"name":"x"}"#, "--address", address)
            #expect(isHarmless(failed.errors))
            let error = try #require(failed.errors.split(separator: ": ", maxSplits: 1).last)
            let fields = try JSONSerialization.jsonObject(with: Data(error.utf8)) as? [String: Any]
            #expect(fields?["detail"] as? String == Self.hostile)
        }
    }

    @Test func anEventIsOneLineOfHarmlessJSON() throws {
        let event = BrokerEvent(
            topic: "t", header: ["k": Self.hostile],
            body: EncodedMessage(Array("{\"a\":\"\u{9B}\u{202E}\"}".utf8)))
        let line = String(decoding: JSONEscapes.applied(to: EventText.line(of: event)), as: UTF8.self)
        #expect(isHarmless(line))
        #expect(line.filter { $0 == "\n" }.count == 1)
        #expect(try JSONSerialization.jsonObject(with: Data(line.utf8)) is [String: Any])
    }
}
