import FoundationEssentials
import Micro
import MicroCore
import MicroRegistryMemory
import MicroTransportMemory
import Testing

/// The pages for operators name every variable, and each is a flag as well.
@Suite(.timeLimit(.minutes(2))) struct ConfigurationPageTests {
    private static let root = String(
        #filePath.dropLast("Tests/MicroTests/ConfigurationPageTests.swift".count))

    private static func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: root + path)), as: UTF8.self)
    }

    private static func variables(in text: String) -> Set<String> {
        Set(text.matches(of: /MICRO_[A-Z_]*[A-Z]/).map { String($0.output) })
    }

    /// The files of a folder, and of those below.
    private static func sources(in folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: root + folder)
            .filter { $0.hasSuffix(".swift") }
            .map { "\(folder)/\($0)" }
    }

    @Test func namesEveryVariable() throws {
        let pages = ["docs/Configuration.md", "docs/Operations.md", "Plugins.md"]
        let named = Self.variables(in: try pages.map(Self.text).joined())
        let read = try Self.sources(in: "Sources").reduce(into: Set<String>()) {
            $0.formUnion(Self.variables(in: try Self.text($1)))
        }
        #expect(read.count > 40)
        // Written as `…_TLS_CERT` and `…_REPLICAS` behind the first of a row.
        let abbreviated = read.filter { variable in
            ["MICRO_REGISTRY_TLS", "MICRO_BROKER_TLS", "MICRO_BROKER_STREAM"]
                .contains(where: variable.hasPrefix)
        }
        #expect(read.subtracting(named).subtracting(abbreviated) == [])
    }

    @Test func everyVariableOfTheServiceIsAFlag() async throws {
        let prefixes = ["MICRO_SERVER_", "MICRO_CLIENT_", "MICRO_REGISTER_", "MICRO_TLS_"]
        let flags = Self.variables(in: try Self.text("docs/Configuration.md"))
            .filter { variable in prefixes.contains(where: variable.hasPrefix) }
            .map { "--\($0.dropFirst("MICRO_".count).lowercased())=" }
        #expect(flags.count > 25)
        // A flag that isn't known ends the start.
        let service = MicroService(
            "greeter", registry: MemoryRegistry(), transport: MemoryTransport(), plugins: testPlugins,
            configuration: .test(arguments: flags)
        ) { hello }
        try await service.withRunning { _ in }
    }
}
