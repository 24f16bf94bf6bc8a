import Foundation
import MicroTestSupport
import Testing

/// What all tests keep to, so that they end and leave each other alone.
@Suite(.timeLimit(.minutes(2))) struct TestSourcesTests {
    /// The Swift files of all tests, and of what they stand on.
    private static func files() throws -> [(path: String, text: String)] {
        try ["Tests", "Sources/MicroTesting", "Sources/MicroTestSupport"].flatMap { folder in
            try FileManager.default.subpathsOfDirectory(atPath: "\(BuiltPrograms.package)/\(folder)")
                .filter { $0.hasSuffix(".swift") }
                .map { path in
                    let text = try String(
                        contentsOfFile: "\(BuiltPrograms.package)/\(folder)/\(path)", encoding: .utf8)
                    return ("\(folder)/\(path)", text)
                }
        }
    }

    @Test func everySuiteHasATimeLimit() throws {
        let files = try Self.files()
        #expect(files.count > 150)
        let type = #/^(private |final )*(struct|class|actor|enum) /#
        var suites = 0
        for (path, text) in files {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            for (number, line) in lines.enumerated() where line.hasPrefix("@Suite") {
                suites += 1
                // The arguments may be on lines of their own, before the type's.
                let attribute = lines[number...].prefix(5)
                    .prefix { $0 == line || !$0.contains(type) }
                #expect(
                    attribute.joined().contains(".timeLimit("),
                    "\(path):\(number + 1): add .timeLimit(.minutes(2)) to @Suite: a test that hangs must fail."
                )
            }
            if text.contains(/\n {4}@Test/), !text.contains("\n@Suite"), !text.hasPrefix("@Suite"),
                !text.contains("\nextension ")
            {
                Issue.record("\(path): its tests are in no @Suite(.timeLimit(.minutes(2))).")
            }
        }
        #expect(suites > 150)
    }

    @Test func nothingSpins() throws {
        for (path, text) in try Self.files() {
            let spins = text.matches(of: /\bwhile [^\n]*\{\s*await Task\.yield\(\)\s*\}/)
            #expect(
                spins.isEmpty,
                "\(path): it spins. Use eventually(_:within:_:) of MicroTestSupport, which sleeps and ends.")
        }
    }

    @Test func signalsGoToOtherProcesses() throws {
        for (path, text) in try Self.files() where text.contains("raiseTermination()") {
            guard !path.hasSuffix("/Signals.swift") else { continue }
            #expect(
                text.contains("processExitsWith:"),
                "\(path): a signal to this process stops other tests. Raise it in an exit test.")
        }
    }
}
