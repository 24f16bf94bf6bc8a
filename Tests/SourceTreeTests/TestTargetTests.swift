import Foundation
import Testing

/// Every target has tests: in the test target of its name, or where its row in the manifest says.
@Suite(.timeLimit(.minutes(2))) struct TestTargetTests {
    @Test func everyTargetIsTestedWhereItsRowSays() async throws {
        let rows = try ManifestRow.all()
        let targets = try await PackageDump.read().targets
        let testTargets = Set(targets.filter { $0.type == "test" }.map(\.name))
        let modules = Dictionary(uniqueKeysWithValues: targets.map { ($0.name, $0.modules) })
        #expect(Set(rows.map(\.target)) == Set(targets.map(\.name)).subtracting(testTargets))
        let makefile = try String(contentsOf: SwiftSource.root.appending(path: "Makefile"), encoding: .utf8)
        for row in rows {
            switch row.tests {
            case .command(let command):
                #expect(
                    makefile.contains("\n\(command.replacing("make ", with: "")):"),
                    "The row of \(row.target) names \(command), which the Makefile doesn't have.")
            case .target(let name):
                #expect(
                    testTargets.contains(name),
                    "The row of \(row.target) names \(name), which does not exist.")
                let tests = try TestSources(of: name)
                // A module of C is used by what depends on it.
                let users = [row.target] + modules.filter { $0.value.contains(row.target) }.map(\.key)
                #expect(
                    tests.uses(row.target) || row.program.map(tests.uses) ?? false
                        || Self.isC(row.target) && users.contains(where: tests.uses),
                    """
                    Nothing in Tests/\(name) imports or starts \(row.target): name the test target that covers it \
                    in its row in Package.swift, `tests: .by("…")`.
                    """)
            }
        }
    }

    @Test func everyTestTargetHasTests() async throws {
        let testTargets = try await PackageDump.read().targets.filter { $0.type == "test" }
        #expect(testTargets.count > 15)
        for target in testTargets {
            #expect(try TestSources(of: target.name).hasSuites, "There are no tests in Tests/\(target.name).")
        }
    }

    @Test func rowsSayWhereTheirTestsAre() {
        let manifest = """
            let rows: [Row] = [
                .library(
                    name: "A", dependencies: ["B"]),
                .inner(name: "B", dependencies: [], tests: .own(["C"])),
                // A comment.
                .program(
                    name: "C", dependencies: [],
                    tests: .by(
                        "SharedTests")),
                .example(name: "d", folder: "D", tests: .command("make demo")),
            ]

            let others = [
                .library(name: "E", dependencies: []),
            ]

            """
        let rows = ManifestRow.rows(in: manifest)
        #expect(rows.map(\.target) == ["A", "B", "C", "d"])
        #expect(
            rows.map(\.tests) == [
                .target("ATests"), .target("BTests"), .target("SharedTests"), .command("make demo"),
            ])
    }

    /// Whether a target has no Swift code.
    private static func isC(_ target: String) -> Bool {
        let folder = SwiftSource.root.appending(path: "Sources/\(target)")
        let files = try? FileManager.default.subpathsOfDirectory(atPath: folder.path)
        return files.map { !$0.contains { $0.hasSuffix(".swift") } } ?? false
    }
}

/// What the Swift files of a test target have to do with other targets.
private struct TestSources {
    private var imports: Set<String> = []

    /// The texts in quotes, among which are the names of the programs that the tests start.
    private var literals: Set<String> = []

    private(set) var hasSuites = false

    init(of target: String) throws {
        let folder = SwiftSource.root.appending(path: "Tests/\(target)")
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        where path.hasSuffix(".swift") {
            let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
            imports.formUnion(SwiftSource(path: path, text: text).imports)
            literals.formUnion(text.matches(of: /"([A-Za-z0-9-]+)"/).map { String($0.1) })
            if text.contains("@Suite") { hasSuites = true }
        }
    }

    /// Whether the tests import a target, or start the program that it is.
    func uses(_ target: String) -> Bool { imports.contains(target) || literals.contains(target) }
}
