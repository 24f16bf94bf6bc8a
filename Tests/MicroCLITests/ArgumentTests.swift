import ArgumentParser
import Micro
import MicroCore
import Testing

@testable import MicroCommands

@Suite(.timeLimit(.minutes(2))) struct ArgumentTests {
    @Test(arguments: [
        ["--registry", "memory", "--registry_address", "a:1", "services"],
        ["services", "--registry", "memory", "--registry-address", "a:1"],
        ["--registry=memory", "services", "--registry_address=a:1"],
        ["--registry", "memory", "list", "services", "--registry-address=a:1"],
    ])
    func globalOptionsStandBeforeOrBehindTheCommand(arguments: [String]) throws {
        let command = try #require(try MicroCommand.parseAsRoot(arguments) as? ServicesCommand)
        #expect(try command.global.sources().arguments == ["--registry=memory", "--registry_address=a:1"])
    }

    @Test func aCallHasItsParts() throws {
        let command = try #require(
            try MicroCommand.parseAsRoot([
                "call", "greeter", "Say.Hello", "-", "--metadata", "a=b", "-o", "raw", "--metadata", "c=d=e",
                "--address", "127.0.0.1:1", "--request-timeout", "2s", "--registry", "memory",
            ]) as? CallCommand)
        #expect(command.call.service == "greeter")
        #expect(command.call.endpoint == "Say.Hello")
        #expect(command.call.request == "-")
        #expect(command.call.metadata == ["a=b", "c=d=e"])
        #expect(command.call.output == .raw)
        #expect(command.call.address == "127.0.0.1:1")
        #expect(command.call.requestTimeout == "2s")
        #expect(command.global.registry == "memory")
    }

    @Test func aCallWithoutARequestSendsAnEmptyObject() throws {
        let command = try MicroCommand.parseAsRoot(["call", "greeter", "Say.Hello"]) as? CallCommand
        #expect(command?.call.request == "{}")
        #expect(command?.call.output == .json)
    }

    @Test(arguments: [
        ["call", "greeter"], ["call", "greeter", "Say.Hello", "{}", "-o", "xml"], ["nonsense"],
        ["get", "service"],
    ])
    func wrongUsageIsRefused(arguments: [String]) {
        #expect(throws: (any Error).self) { try MicroCommand.parseAsRoot(arguments) }
    }

    @Test(arguments: ["Say.Hello", "pkg.Say.Hello", "/pkg.Say/Hello", "/Say/Hello"])
    func endpointsHaveATypeAndAMethod(endpoint: String) throws {
        try EndpointText.check(endpoint)
    }

    @Test(arguments: [
        "", "Hello", "Say.", ".Hello", "Say..Hello", "Say/Hello", "/Say", "/a/b/c", "Say.He llo", "Süß.Ho",
    ])
    func otherEndpointsAreMalformed(endpoint: String) {
        let failure = #expect(throws: CommandFailure.self) { try EndpointText.check(endpoint) }
        #expect(failure?.status == .malformedMethod)
        #expect(failure?.message?.hasPrefix("malformed method name: \"\(endpoint)\"") == true)
    }

    @Test func metadataAreReadInOrder() throws {
        let metadata = try MetadataText.parse(["Trace-ID=1", "trace-id=2", "empty=", "eq=a=b"])
        #expect(metadata.map(\.name) == ["trace-id", "trace-id", "empty", "eq"])
        #expect(metadata.map(\.value) == ["1", "2", "", "a=b"])
    }

    @Test(arguments: ["novalue", "=x", "sp ace=1", ":path=/x", "k=a\nb", "k=ü"])
    func badMetadataAreNamed(pair: String) {
        let failure = #expect(throws: CommandFailure.self) { try MetadataText.parse([pair]) }
        #expect(failure?.status == .usage)
        #expect(failure?.message?.contains("--metadata") == true)
    }

    @Test func tableColumnsAreAsWideAsTheirWidestText() {
        let text = TextTable.aligned([["ROLE", "NAME", "X"], ["registry", "mdns", ""], ["a", "b", "c"]])
        #expect(text == "ROLE      NAME  X\nregistry  mdns\na         b     c\n")
    }

    @Test func pluginsAreSortedAndTheDefaultIsMarked() {
        let make: @Sendable (PluginContext) throws -> any Selector = { _ in throw CancellationError() }
        let plugins = Plugins([
            Plugin(.selector, "zigzag", aliases: ["zz"], summary: "odd", make: make),
            Plugin(.selector, "random", summary: "any node", make: make),
        ])
        #expect(
            PluginTable.text(of: plugins) == """
                ROLE      NAME    ALIASES  MODULE         DEFAULT  SUMMARY
                selector  random           MicroCLITests  *        any node
                selector  zigzag  zz       MicroCLITests           odd

                """)
    }
}
