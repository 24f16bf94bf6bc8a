import Foundation
import MicroCore
import Testing

/// `Products.txt` says what to link for a plugin that isn't linked, so it has to know all that there are.
@Suite(.timeLimit(.minutes(2))) struct KnownProductsTests {
    @Test func namesEveryPluginThatThisProgramLinks() {
        // Other tests of the same program have plugins of their own, which are no products. A command is not chosen by a
        // variable, so no error says what to link for it.
        let own = Plugins.linked.all.filter {
            $0.module.hasPrefix("Micro") && !$0.module.hasSuffix("Tests") && $0.role != "command"
        }
        let rows = Set(
            own.map {
                "\($0.role) \(([$0.name] + $0.aliases).joined(separator: ",")) \($0.module) \($0.provides)"
            })
        let known = Set(
            KnownProducts.rows.map {
                "\($0.role) \($0.names.joined(separator: ",")) \($0.product) \($0.provides)"
            })
        #expect(rows.subtracting(known).isEmpty, "Add them to Sources/MicroCore/Plugins/Products.txt")
        #expect(known.subtracting(rows).isEmpty, "Take them out of Sources/MicroCore/Plugins/Products.txt")
    }

    @Test func namesOnlyProductsOfTheManifest() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let manifest = try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
        for row in KnownProducts.rows {
            #expect(
                manifest.contains("name: \"\(row.product)\""), "\(row.product) is no target of the manifest")
        }
    }
}
