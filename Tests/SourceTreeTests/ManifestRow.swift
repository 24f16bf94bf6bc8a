import Foundation

/// A row of the table of targets in `Package.swift`, as far as its tests are concerned.
struct ManifestRow {
    /// Where the tests of a target are.
    enum Tests: Hashable {
        /// In a test target.
        case target(String)

        /// In what a command does.
        case command(String)
    }

    /// The name of the target.
    let target: String

    /// The name of the program that it is, where that is another one.
    let program: String?

    /// Where the row says that its tests are: in the test target of its name unless it names another place.
    let tests: Tests

    /// Reads the rows of the manifest.
    static func all() throws -> [ManifestRow] {
        rows(in: try String(contentsOf: SwiftSource.root.appending(path: "Package.swift"), encoding: .utf8))
    }

    /// Reads the rows of a manifest's text.
    static func rows(in manifest: String) -> [ManifestRow] {
        guard let start = manifest.firstRange(of: "let rows: [Row] = ["),
            let end = manifest[start.upperBound...].firstRange(of: "\n]\n")
        else { return [] }
        // Each row begins with the name of what it makes, such as `.library(`.
        return manifest[start.upperBound..<end.lowerBound].components(separatedBy: "\n    .").dropFirst()
            .compactMap(ManifestRow.init)
    }

    private init?(_ row: String) {
        guard let name = row.firstMatch(of: /name:\s*"([^"]+)"/) else { return nil }
        target = String(name.1)
        program = row.firstMatch(of: /product:\s*"([^"]+)"/).map { String($0.1) }
        if let other = row.firstMatch(of: /tests:\s*\.(by|command)\(\s*"([^"]+)"/) {
            tests = other.1 == "by" ? .target(String(other.2)) : .command(String(other.2))
        } else {
            tests = .target("\(target)Tests")
        }
    }
}
