import Foundation
import MicroTestSupport
import Testing

/// `protoc-gen-micro-swift`, run by the real protoc.
@Suite(.timeLimit(.minutes(2))) struct GeneratorTests {
    /// Generated code in `Golden` and what it is made of.
    ///
    /// What the package compiles is compared by ``committedCodeIsFresh()``.
    struct Golden: Sendable, CustomTestStringConvertible {
        let name: String
        let options: String
        let file: String

        var testDescription: String { name }
    }

    static let golden = [
        Golden(name: "shapes-public", options: "Visibility=Public", file: "shapes.proto"),
        Golden(name: "shapes-client", options: "Server=false,Visibility=Package", file: "shapes.proto"),
        Golden(
            name: "shapes-server", options: "Client=false,UseAccessLevelOnImports=true", file: "shapes.proto"),
        Golden(
            name: "orders-modules",
            options: "ProtoPathModuleMappings=MODULES,ExtraModuleImports=Extra,Visibility=Public",
            file: "orders/orders.proto"),
        Golden(name: "orders", options: "", file: "orders/orders.proto"),
    ]

    @Test(arguments: golden) func writesWhatIsCommitted(_ golden: Golden) async throws {
        let protoc = try Protoc()
        defer { protoc.remove() }
        let modules = "\(Protoc.folder)/Protos/modules.txt"
        let result = try await protoc.run(
            golden.options.replacing("MODULES", with: modules), golden.file)
        #expect(result.status == 0, "\(result.errors)")
        let text = try protoc.text(try #require(protoc.files.first))
        let path = "\(Protoc.folder)/Golden/\(golden.name).txt"
        if ProcessInfo.processInfo.environment["MICRO_UPDATE_GOLDEN"] == "1" {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let committed = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text == committed, "Golden/\(golden.name).txt differs.")
    }

    @Test func namesFilesAsItIsTold() async throws {
        for (naming, file) in [
            ("FullPath", "orders/orders.micro.swift"), ("PathToUnderscores", "orders_orders.micro.swift"),
            ("DropPath", "orders.micro.swift"), ("droppath", "orders.micro.swift"),
        ] {
            let protoc = try Protoc()
            defer { protoc.remove() }
            #expect(try await protoc.run("FileNaming=\(naming)", "orders/orders.proto").status == 0)
            #expect(protoc.files == [file])
        }
    }

    @Test func writesNothingWithoutServices() async throws {
        let protoc = try Protoc()
        defer { protoc.remove() }
        #expect(try await protoc.run("", "common/money.proto").status == 0)
        #expect(try await protoc.run("Server=false,Client=false", "shapes.proto").status == 0)
        #expect(protoc.files.isEmpty)
    }

    @Test(arguments: [
        ("Visibilty=Public", "There is no option \"Visibilty\"."),
        ("Visibility=Open", "Visibility is \"Open\". It must be one of Internal, Package, Public."),
        (
            "FileNaming=Short",
            "FileNaming is \"Short\". It must be one of FullPath, PathToUnderscores, DropPath."
        ),
        ("Server=maybe", "Server is \"maybe\". It must be true or false."),
        ("ExtraModuleImports=a b", "ExtraModuleImports is \"a b\". It must be the name of a module."),
        (
            "ProtoPathModuleMappings=/nowhere",
            "The file \"/nowhere\" of ProtoPathModuleMappings can't be used"
        ),
    ]) func explainsOptionsThatItCannotUse(_ option: String, _ text: String) async throws {
        let protoc = try Protoc()
        defer { protoc.remove() }
        let result = try await protoc.run(option, "shapes.proto")
        #expect(result.status != 0)
        #expect(result.errors.contains(text), "\(result.errors)")
        #expect(protoc.files.isEmpty)
    }

    @Test func tellsWhatItIs() async throws {
        for (flag, text) in [
            ("--version", "protoc-gen-micro-swift 0.1.0"), ("--help", "Visibility=Internal|Package"),
        ] {
            let program = try ForeignProgram(BuiltPrograms.path("protoc-gen-micro-swift"), [flag])
            #expect(try await program.exitStatus() == 0)
            #expect(program.output.contains(text))
        }
    }

    @Test func committedCodeIsFresh() async throws {
        let protoc = try Protoc()
        defer { protoc.remove() }
        let script = try ForeignProgram(
            BuiltPrograms.package + "/scripts/protos", [protoc.output.path],
            environment: [
                "PROTOC_GEN_SWIFT": try BuiltPrograms.path("protoc-gen-swift"),
                "PROTOC_GEN_MICRO_SWIFT": try BuiltPrograms.path("protoc-gen-micro-swift"),
            ])
        script.closeInput()
        #expect(try await script.exitStatus(limit: .seconds(60)) == 0, "\(script.errorOutput)")
        #expect(protoc.files.count >= 19)
        for file in protoc.files {
            let committed = try? String(contentsOfFile: "\(BuiltPrograms.package)/\(file)", encoding: .utf8)
            let fresh = try protoc.text(file)
            #expect(committed == fresh, "\(file) is stale: run `make protos`.")
        }
    }
}
