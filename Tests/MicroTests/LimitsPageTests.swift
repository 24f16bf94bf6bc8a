import Foundation
import Testing

/// docs/Limits.md names what exists.
@Suite(.timeLimit(.minutes(2))) struct LimitsPageTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The contents of all Swift files below a folder, by the files' names.
    private static func sources(_ folder: String) throws -> [String: String] {
        let enumerator = FileManager.default.enumerator(
            at: root.appending(path: folder), includingPropertiesForKeys: nil)
        let files = enumerator?.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" } ?? []
        return try Dictionary(
            files.map { ($0.lastPathComponent, try String(contentsOf: $0, encoding: .utf8)) }
        ) { $0 + $1 }
    }

    /// The texts in code font of one column of all tables.
    private static func names(inColumn column: Int) throws -> Set<String> {
        let page = try String(contentsOf: root.appending(path: "docs/Limits.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| input") }
        let cells = rows.compactMap { row -> Substring? in
            let cells = row.split(separator: "|", omittingEmptySubsequences: false)
            return cells.indices.contains(column) ? cells[column] : nil
        }
        return Set(cells.flatMap { $0.matches(of: /`([^`]+)`/).map { String($0.1) } })
    }

    @Test func theFilesThatEnforceThemExist() throws {
        let (named, sources) = try (Self.names(inColumn: 3), Self.sources("Sources"))
        #expect(named.count > 30)
        #expect(named.filter { sources[$0] == nil } == [])
    }

    @Test func theTestsThatShowThemExist() throws {
        let (named, tests) = try (Self.names(inColumn: 4), Self.sources("Tests"))
        #expect(named.count > 30)
        let missing = named.filter { name in
            let parts = name.split(separator: ".")
            let suite = tests.values.first {
                $0.contains("struct \(parts[0]) ") || $0.contains("class \(parts[0]) ")
            }
            guard let suite else { return true }
            return parts.count == 2 && !suite.contains("func \(parts[1])(")
                && !tests.values.contains {
                    $0.contains("extension \(parts[0])") && $0.contains("func \(parts[1])(")
                }
        }
        #expect(missing == [])
    }
}
