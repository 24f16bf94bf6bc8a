internal import SwiftProtobuf
internal import SwiftProtobufPluginLibrary

/// The plugin of protoc that writes services and clients for swift-micro.
///
/// For each file with services it writes one file of Swift, beside the messages that `protoc-gen-swift`
/// writes.
@main
struct MicroGenerator: CodeGenerator {
    var supportedFeatures: [Google_Protobuf_Compiler_CodeGeneratorResponse.Feature] {
        [.proto3Optional, .supportsEditions]
    }

    var supportedEditionRange: ClosedRange<Google_Protobuf_Edition> { DescriptorSet.bundledEditionsSupport }

    var version: String? { "0.1.0" }

    func generate(
        files: [FileDescriptor], parameter: any CodeGeneratorParameter,
        protoCompilerContext: any ProtoCompilerContext, generatorOutputs: any GeneratorOutputs
    ) throws {
        let options = try GeneratorOptions(parameter)
        for file in files where !file.services.isEmpty && (options.server || options.client) {
            try generatorOutputs.add(
                fileName: options.fileNaming.output(for: file.name),
                contents: FileGenerator(file, options).text)
        }
    }

    func printHelp() {
        print(
            """
            protoc-gen-micro-swift writes services and clients for swift-micro. protoc runs it:

              protoc --swift_out=. --micro-swift_out=. --micro-swift_opt=Visibility=Public greeter.proto

            \(GeneratorOptions.help)
            """)
    }
}
