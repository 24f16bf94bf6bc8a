import Foundation
import MicroTestSupport
import Testing

/// A Python process in the other role.
final class Script: Sendable {
    private let program: ForeignProgram

    /// Starts `mdns.py`, which says what its roles are.
    init(_ arguments: String...) throws {
        let file = try #require(
            Bundle.module.url(forResource: "mdns", withExtension: "py", subdirectory: "Scripts"))
        program = try ForeignProgram("python3", [file.path] + arguments, package: "python3")
    }

    /// Starts `mdns.py` in a network of its own.
    init(in network: NetworkNamespace, _ arguments: String...) throws {
        let file = try #require(
            Bundle.module.url(forResource: "mdns", withExtension: "py", subdirectory: "Scripts"))
        program = try network.start("python3", [file.path] + arguments)
    }

    /// Ends the process.
    func stop() async { await program.stop() }

    /// Writes a line to the process.
    func tell(_ line: String) throws { try program.write(line + "\n") }

    /// Waits for a line that the process must say.
    func expect(_ line: String) async throws { try await program.waitForOutput("\"\(line)\"") }

    /// Reads what the process says until it ends by itself.
    func packets() async throws -> [Packet] {
        let status = try await program.exitStatus()
        try #require(status == 0, "\(program.errorOutput)")
        return try program.output.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
            try JSONDecoder().decode(Packet.self, from: Data($0.utf8))
        }
    }
}

/// A packet as the Python process decoded it.
struct Packet: Decodable {
    var id: UInt16
    var flags: UInt16
    var port: Int
    var size: Int
    var questions: [[String]]
    var answers: [Record]
    var authorities: [Record]
    var additionals: [Record]

    /// What go-micro's resolver would make of it.
    var entry: Entry?

    struct Record: Decodable {
        var name: String
        var type: String
        var ttl: Int
        var `class`: Int
        var strings: [Int]?
    }

    struct Entry: Decodable {
        var name: String
        var port: Int
        var A: String?
        var AAAA: String?
        var text: Text?
    }

    struct Text: Decodable {
        var Service: String
        var Version: String
        var Metadata: [String: String]?
    }
}
