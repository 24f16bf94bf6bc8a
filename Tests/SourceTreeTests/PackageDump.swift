import Foundation
import MicroTestSupport

/// What SwiftPM makes of Package.swift.
struct PackageDump: Decodable {
    struct Target: Decodable {
        struct Dependency: Decodable {
            var byName: [String?]?
            var target: [String?]?

            /// The name of a product and that of its package, and more that may be of any kind.
            var product: [Name]?

            struct Name: Decodable {
                var text: String?

                init(from decoder: any Decoder) throws {
                    text = try? decoder.singleValueContainer().decode(String.self)
                }
            }
        }

        var name: String
        var type: String
        var dependencies: [Dependency]

        var modules: [String] { dependencies.compactMap { ($0.byName ?? $0.target)?.first ?? nil } }

        var packages: Set<String> {
            Set(dependencies.compactMap { $0.product?.dropFirst().first?.text })
        }
    }

    var targets: [Target]

    /// Asks for the manifest as everybody has it, whatever this run leaves out.
    static func read() async throws -> PackageDump {
        // Another scratch folder: that of this run is locked.
        let scratch = FileManager.default.temporaryDirectory.appending(path: "micro-manifest-\(UUID())")
        // What stays in the folder for temporary files is a nuisance, not a failed test.
        defer { try? FileManager.default.removeItem(at: scratch) }
        let program = try ForeignProgram(
            "swift",
            [
                "package", "--package-path", BuiltPrograms.package, "--scratch-path", scratch.path,
                "dump-package",
            ],
            environment: ["MICRO_TESTS": "", "MICRO_FUZZ": "", "MICRO_WARNINGS_AS_ERRORS": ""])
        let status = try await program.exitStatus(limit: .seconds(90))
        guard status == 0 else { throw TestSupportError("dump-package: \(program.errorOutput)") }
        return try JSONDecoder().decode(PackageDump.self, from: Data(program.output.utf8))
    }
}
