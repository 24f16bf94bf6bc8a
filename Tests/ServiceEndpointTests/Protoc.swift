import Foundation
import MicroTestSupport

/// The real protoc with our plugin.
struct Protoc {
    /// A folder that is removed with this value's owner.
    let output: URL

    static var folder: String { BuiltPrograms.package + "/Tests/ServiceEndpointTests" }

    init() throws {
        output = FileManager.default.temporaryDirectory.appendingPathComponent(
            "micro-protoc-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
    }

    /// Generates code for files of `Protos`.
    ///
    /// - Returns: The exit status and what protoc wrote to its standard error.
    func run(_ options: String, _ files: String...) async throws -> (status: Int32, errors: String) {
        var arguments = [
            "--plugin=protoc-gen-micro-swift=\(try BuiltPrograms.path("protoc-gen-micro-swift"))",
            "--proto_path=\(Self.folder)/Protos", "--micro-swift_out=\(output.path)",
        ]
        if !options.isEmpty { arguments.append("--micro-swift_opt=\(options)") }
        let protoc = try ForeignProgram("protoc", arguments + files, package: "protobuf-compiler")
        protoc.closeInput()
        let status = try await protoc.exitStatus()
        return (status, protoc.errorOutput)
    }

    /// The paths of all generated files, sorted.
    var files: [String] {
        let all = FileManager.default.enumerator(atPath: output.path)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.hasSuffix(".swift") }.sorted()
    }

    func text(_ path: String) throws -> String {
        try String(contentsOf: output.appendingPathComponent(path), encoding: .utf8)
    }

    func remove() { try? FileManager.default.removeItem(at: output) }
}
