import Foundation

/// The targets of `Package.swift` that stand in `Sources`, and what they depend on.
struct Manifest {
    /// The names of the modules that each target depends on.
    let dependencies: [String: Set<String>]

    /// Reads the package's manifest.
    init() throws {
        let file = SwiftSource.root.appending(path: "Package.swift")
        let text = try String(contentsOf: file, encoding: .utf8)
        // let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
        let products = Dictionary(
            text.matches(of: /let (\w+): Target\.Dependency\s*=\s*\.product\(name: "([^"]+)"/)
                .map { (String($0.1), String($0.2)) }, uniquingKeysWith: { $1 })
        // Library(name: "MicroTLS", dependencies: ["MicroCore", "COpenSSL", nioCore], isProduct: false)
        let rows = text.matches(of: /name:\s*"([^"]+)",\s*dependencies:\s*\[([^\]]*)\]/)
        var dependencies: [String: Set<String>] = [:]
        for row in rows where Self.isInSources(String(row.1)) {
            let names = row.2.split { $0 == "," || $0.isWhitespace }
            dependencies[String(row.1)] = Set(
                names.map { name in
                    let product = products[String(name)] ?? name.trimmingCharacters(in: ["\""])
                    return product.replacing("-", with: "_")
                })
        }
        self.dependencies = dependencies
    }

    private static func isInSources(_ target: String) -> Bool {
        FileManager.default.fileExists(atPath: SwiftSource.root.appending(path: "Sources/\(target)").path)
    }

    /// Whether a target is there once it is linked, without an import: it leaves records of plugins.
    static func bringsPlugins(_ target: String) -> Bool {
        let folder = SwiftSource.root.appending(path: "Sources/\(target)")
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
        return paths.filter { $0.hasSuffix(".swift") }.contains { path in
            let text = try? String(contentsOf: folder.appending(path: path), encoding: .utf8)
            return text?.contains("\n@section(\"micro_plugins\")") == true
        }
    }
}
