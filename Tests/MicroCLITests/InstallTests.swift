import Foundation
import MicroTestSupport
import Testing

/// What `make install` does once the programs are built.
@Suite(.timeLimit(.minutes(2))) struct InstallTests {
    @Test func programsCompletionsAndManualPageAreInstalledAndRemoved() async throws {
        let prefix = FileManager.default.temporaryDirectory.appendingPathComponent("install-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: prefix) }
        let programs = URL(fileURLWithPath: try BuiltPrograms.path("micro")).deletingLastPathComponent().path
        try await run(programs, prefix)

        let version = try ForeignProgram("\(prefix)/bin/micro", ["version"], package: "micro")
        #expect(try await version.exitStatus() == 0)
        #expect(
            FileManager.default.isExecutableFile(atPath: "\(prefix)/bin/protoc-gen-micro-swift"))
        for file in [
            "bash-completion/completions/micro", "zsh/site-functions/_micro",
            "fish/vendor_completions.d/micro.fish",
        ] {
            let script = try text("\(prefix)/share/\(file)")
            #expect(script.contains("publish"), "\(file)")
        }
        let page = try text("\(prefix)/share/man/man1/micro.1")
        #expect(page.hasPrefix(".TH MICRO 1 "))
        for part in [".SH NAME", ".SH COMMANDS", ".SS micro call ", ".SS micro publish ", "MICRO_REGISTRY"] {
            #expect(page.contains(part), "\(part)")
        }
        // Nothing of the texts is taken for a request of roff's.
        let requests = Set(page.split(separator: "\n").filter { $0.hasPrefix(".") }.map { $0.prefix(3) })
        #expect(requests.isSubset(of: [".TH", ".SH", ".SS", ".TP", ".PP", ".nf", ".fi"]))

        try await run("--remove", prefix)
        let left = FileManager.default.enumerator(atPath: prefix)?.compactMap { $0 as? String } ?? []
        #expect(left.allSatisfy { isFolder("\(prefix)/\($0)") }, "\(left)")
    }

    private func run(_ arguments: String...) async throws {
        let script = try ForeignProgram(
            "\(BuiltPrograms.package)/scripts/install", arguments, package: "coreutils")
        let status = try await script.exitStatus()
        #expect(status == 0, "\(script.errorOutput)")
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    private func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
