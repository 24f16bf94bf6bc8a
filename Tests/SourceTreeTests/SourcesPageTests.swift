import Foundation
import MicroTestSupport
import Testing

/// Sources/README.md maps what Package.swift and the sources have.
@Suite(.timeLimit(.minutes(2))) struct SourcesPageTests {
    private let page: SourcesPage

    init() throws { page = try SourcesPage() }

    @Test func everyTargetIsOnTheMap() async throws {
        let manifest = try await PackageDump.read().targets.filter { $0.type != "test" }.map(\.name)
        #expect(manifest.count > 40)
        for name in Set(manifest).subtracting(page.targets.keys).sorted() {
            Issue.record(
                "Add to the table of targets in Sources/README.md: | `\(name)` | family | what it is for |")
        }
        for name in Set(page.targets.keys).subtracting(manifest).sorted() {
            Issue.record("Package.swift has no row for \(name): take it out of Sources/README.md.")
        }
    }

    @Test func everyTargetImportsWhatItsFamilyMay() async throws {
        for target in try await PackageDump.read().targets where target.type != "test" {
            guard let name = page.targets[target.name] else { continue }
            guard let family = page.families[name] else {
                Issue.record("Add a row for the family \(name) of \(target.name) to Sources/README.md.")
                continue
            }
            for other in target.modules {
                let isAllowed =
                    family.targets.contains(other)
                    || page.targets[other].map { family.families.contains($0) } ?? false
                #expect(
                    isAllowed,
                    """
                    \(target.name) is of the family \(name), which may not import \(other). If it must, name \
                    it in the family's row in Sources/README.md.
                    """)
            }
            for package in target.packages where !family.packages.contains(package) {
                Issue.record(
                    "\(target.name) is of the family \(name), whose row in Sources/README.md lacks \(package)."
                )
            }
        }
    }

    @Test func everydayChangesAreMadeWhereItSays() throws {
        #expect(page.changes.count >= 20)
        for change in page.changes {
            let text = try? String(
                contentsOfFile: "\(BuiltPrograms.package)/\(change.file)", encoding: .utf8)
            #expect(
                text?.contains(change.name) == true,
                """
                "\(change.what)" in Sources/README.md: \(change.file) \
                \(text == nil ? "does not exist" : "does not contain \(change.name)"). Where is it now?
                """)
        }
    }
}

/// What the tables of Sources/README.md say.
private struct SourcesPage {
    struct Family {
        var families: Set<String>
        var targets: Set<String>
        var packages: Set<String>
    }

    var families: [String: Family] = [:]
    /// The family of each target.
    var targets: [String: String] = [:]
    var changes: [(what: String, file: String, name: String)] = []

    init() throws {
        let text = try String(
            contentsOfFile: "\(BuiltPrograms.package)/Sources/README.md", encoding: .utf8)
        for section in text.components(separatedBy: "\n## ") {
            let rows = section.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst().map(
                Self.cells)
            for row in rows where row.count == 3 {
                if section.hasPrefix("Families") {
                    let parts = Self.list(row[1])
                    families[row[0]] = Family(
                        families: parts.filter { !$0.hasPrefix("`") },
                        targets: Set(parts.filter { $0.hasPrefix("`") }.map(Self.plain)),
                        packages: Self.list(row[2]))
                } else if section.hasPrefix("Targets") {
                    targets[Self.plain(row[0])] = row[1]
                } else if section.hasPrefix("Everyday changes") {
                    changes.append((row[0], Self.plain(row[1]), Self.plain(row[2])))
                }
            }
        }
    }

    private static func cells(_ row: Substring) -> [String] {
        row.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }

    private static func list(_ cell: String) -> Set<String> {
        Set(cell.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
    }

    private static func plain(_ code: String) -> String { code.trimmingCharacters(in: ["`"]) }
}
