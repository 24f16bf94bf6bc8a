import Foundation
import Synchronization
import Testing

/// A Python process in the other role.
final class Script: Sendable {
    private let process: Mutex<Process>
    private let input = Pipe()
    private let output = Pipe()

    /// Starts `mdns.py`, which says what its roles are.
    init(_ arguments: String...) throws {
        let file = try #require(
            Bundle.module.url(forResource: "mdns", withExtension: "py", subdirectory: "Scripts"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", file.path] + arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        self.process = Mutex(process)
    }

    deinit { stop() }

    /// Ends the process.
    func stop() {
        process.withLock { process in
            if process.isRunning { process.terminate() }
        }
    }

    /// Writes a line to the process.
    func tell(_ line: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data("\(line)\n".utf8))
    }

    /// Reads a line that the process must say.
    func expect(_ line: String) async throws {
        let said = await blocking { Self.readLine(from: self.output.fileHandleForReading) }
        try #require(said == "\"\(line)\"", "The Python process failed; its standard error says why.")
    }

    /// Reads what the process says until it ends by itself.
    func packets() async throws -> [Packet] {
        let data = await blocking { self.output.fileHandleForReading.readDataToEndOfFile() }
        let (status, reason) = process.withLock { process in
            process.waitUntilExit()
            return (process.terminationStatus, process.terminationReason)
        }
        try #require(
            status == 0 && reason == .exit, "The Python process failed; its standard error says why.")
        return try data.split(separator: UInt8(ascii: "\n")).filter { $0.first == UInt8(ascii: "{") }.map {
            try JSONDecoder().decode(Packet.self, from: $0)
        }
    }

    private static func readLine(from handle: FileHandle) -> String {
        var line = Data()
        while let byte = try? handle.read(upToCount: 1), let first = byte.first, first != UInt8(ascii: "\n") {
            line.append(first)
        }
        return String(decoding: line, as: UTF8.self)
    }

    /// Runs something that blocks on a thread of its own.
    private func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
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
