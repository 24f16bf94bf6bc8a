import Foundation
import MicroCore
import Testing

@testable import Micro

/// The tables of settings on the pages for operators are what plugins and engine declare.
///
/// `make settings-pages` writes them anew.
@Suite(.timeLimit(.minutes(2))) struct SettingPageTests {
    private static let pages = [
        "docs/Configuration.md", "docs/Operations.md", "docs/Observability.md", "docs/Selection.md",
        "Plugins.md",
    ]
    private static let root = String(
        #filePath.dropLast("Tests/ServiceEndpointTests/SettingPageTests.swift".count))

    private static func text(_ page: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: root + page)), as: UTF8.self)
    }

    private static var groups: [SettingCatalogue.Group] {
        // What this test's own program links beside the plugins of the package would not be theirs.
        let plugins = Plugins.linked.all.filter { plugin in
            KnownProducts.rows.contains { $0.role == plugin.role && $0.names.contains(plugin.name) }
        }
        return SettingCatalogue(Plugins(plugins).withEngineSelectors, overrides: PartOverrides()).groups
    }

    private static func row(_ entry: SettingCatalogue.Entry) -> String {
        let declaration = entry.declaration
        let isName = declaration.defaultText?.contains(" ") == true
        let value = declaration.defaultText.map { isName ? $0 : "`\($0)`" } ?? "–"
        return "| `\(entry.variable)` | \(value) | \(declaration.takes) | \(declaration.meaning) |"
    }

    private static func table(_ group: SettingCatalogue.Group) -> String {
        var lines = ["| variable | default | takes | meaning |", "|---|---|---|---|"]
        let own = group.entries.filter {
            $0.key.contains(".tls.") && TLSConfiguration.settings.contains($0.declaration)
        }
        lines += group.entries.filter { entry in !own.contains { $0.key == entry.key } }.map(row)
        if let first = own.first, let prefix = first.variable.range(of: "_TLS_") {
            let name = first.variable[..<prefix.upperBound] + "…"
            lines.append(
                "| `\(name)` | `MICRO_TLS_…` | | as the settings of [TLS](\(link(group))), for this alone; the others hold if none of them is set |"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Where the shared settings of TLS are, seen from the page of a plugin.
    private static func link(_ group: SettingCatalogue.Group) -> String { "docs/Configuration.md#tls" }

    /// A page with its tables as they should be, and the groups that it has.
    private static func rewritten(_ text: String) -> (text: String, groups: [String]) {
        let groups = Dictionary(uniqueKeysWithValues: groups.map { ($0.name, $0) })
        var result = ""
        var names: [String] = []
        var rest = text[...]
        while let begin = rest.firstMatch(of: /<!-- settings: ([a-z0-9 ]+) -->\n/),
            let end = rest[begin.range.upperBound...].range(of: "<!-- end of settings -->")
        {
            let name = String(begin.output.1)
            names.append(name)
            result += rest[..<begin.range.upperBound] + (groups[name].map(table) ?? "")
            rest = rest[end.lowerBound...]
            result += rest[..<end.upperBound]
            rest = rest[end.upperBound...]
        }
        return (result + rest, names)
    }

    @Test func tablesAreWhatIsDeclared() throws {
        var named: [String] = []
        for page in Self.pages {
            let text = try Self.text(page)
            let (wanted, groups) = Self.rewritten(text)
            named += groups
            if ProcessInfo.processInfo.environment["MICRO_WRITE_PAGES"] == "1" {
                try Data(wanted.utf8).write(to: URL(fileURLWithPath: Self.root + page))
            } else {
                #expect(text == wanted, "\(page) is out of date: run make settings-pages")
            }
        }
        #expect(named.sorted() == Self.groups.map(\.name).sorted())
        #expect(named.count > 10)
    }
}
