import Testing

/// What a target's row in the manifest says is what its files import.
@Suite(.timeLimit(.minutes(2))) struct DependencyTests {
    /// What comes with the compiler and the system.
    private static let system: Set = [
        "Darwin", "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Musl", "Synchronization",
    ]

    @Test func importsAreTheDependencies() throws {
        let targets = try Manifest().dependencies
        #expect(targets.count > 25)
        var faults: [String] = []
        for (target, dependencies) in targets.sorted(by: { $0.key < $1.key }) {
            let files = try SwiftSource.files(of: target)
            let imports = files.reduce(into: Set<String>()) { $0.formUnion($1.imports) }
                .subtracting(Self.system)
            for module in imports.subtracting(dependencies).sorted() {
                faults.append("\(target) imports \(module) and doesn't depend on it")
            }
            for module in dependencies.subtracting(imports).sorted() where !Self.isLinked(module) {
                faults.append("\(target) depends on \(module) and doesn't import it")
            }
        }
        #expect(faults == [])
    }

    /// Whether a target is of use without an import: a plugin, or all of the default ones.
    private static func isLinked(_ target: String) -> Bool {
        target == "MicroDefaults" || Manifest.bringsPlugins(target)
    }

    @Test func pluginsDoNotDependOnEachOther() throws {
        // The engine brings selectors, and the commands of `micro` ask components by these components' own clients.
        let above: Set = ["Micro", "MicroCommands"]
        let plugins = try Manifest().dependencies.filter {
            Manifest.bringsPlugins($0.key) && !above.contains($0.key)
        }
        #expect(plugins.count > 10)
        let others = plugins.flatMap { plugin, dependencies in
            dependencies.filter { plugins[$0] != nil }.map { "\(plugin) depends on \($0)" }
        }
        #expect(others.sorted() == [])
    }
}
