internal import SwiftProtobufPluginLibrary

/// Writes what stands for one service: a namespace with a protocol, endpoints and a client.
struct ServiceGenerator {
    let service: ServiceDescriptor
    let methods: [MethodText]
    let name: String
    private let options: GeneratorOptions
    private let aliases: [MessageAlias]

    private var access: String { options.visibility.prefix }

    init(_ service: ServiceDescriptor, _ options: GeneratorOptions, _ namer: SwiftProtobufNamer) {
        let name = Names.type(of: service, namer)
        let types = MessageTypes(namer, namespace: name)
        self.service = service
        self.options = options
        self.name = name
        methods = zip(service.methods, Names.functions(of: service)).map { method, function in
            MethodText(
                method, function: function, request: types.name(of: method.inputType),
                reply: types.name(of: method.outputType))
        }
        aliases = types.aliases(in: service)
    }

    func print(to printer: inout CodePrinter) {
        printer.print("")
        for alias in aliases {
            printer.print("/// The message `\(alias.message)`, which the namespace of a service would hide.")
            printer.print("\(access)typealias \(alias.name) = \(alias.message)", "")
        }
        printer.print(
            Self.comment(of: service, otherwise: "The service `\(service.fullName)`."), newlines: false)
        printer.print("\(access)nonisolated enum \(name) {")
        printer.withIndentation { printer in
            if options.server {
                printProtocol(to: &printer)
                printer.print("")
                printEndpoints(to: &printer)
            }
            if options.client {
                if options.server { printer.print("") }
                ClientText(generator: self, access: access).print(to: &printer)
            }
            if options.server {
                printer.print(
                    """

                    /// The service's definition, for reflection.
                    \(access)static let definition = MicroProtobuf.ProtobufService(
                        "\(service.fullName)", files: _files)
                    """)
            }
        }
        printer.print("}")
        if options.server { printConformance(to: &printer) }
    }

    private func printProtocol(to printer: inout CodePrinter) {
        printer.print(
            """
            /// The methods of `\(service.fullName)`, to be implemented.
            ///
            /// An implementation is a component of a service: `MicroService("…") { Implementation() }`.
            \(access)protocol Service: Micro.ServiceComponent {
            """)
        printer.withIndentation { printer in
            for (position, method) in methods.enumerated() {
                if position > 0 { printer.print("") }
                printer.print(Self.comment(of: method), newlines: false)
                printer.print("nonisolated(nonsending) func \(method.function)(")
                printer.printIndented("\(method.requestParameter),")
                if method.streamsReplies {
                    printer.printIndented("replies: Micro.MessageWriter<\(method.reply)>,")
                }
                printer.printIndented("context: Micro.RequestContext")
                printer.print(") async throws\(method.streamsReplies ? "" : " -> \(method.reply)")")
            }
        }
        printer.print("}")
    }

    private func printEndpoints(to printer: inout CodePrinter) {
        printer.print(
            """
            /// The endpoints of an implementation, for a type that implements several services.
            \(access)nonisolated struct Endpoints<Implementation: Service>: Micro.ServiceComponent {
                private let implementation: Implementation

                /// Creates the endpoints of an implementation.
                \(access)init(_ implementation: Implementation) { self.implementation = implementation }

                /// Adds the endpoints to a service.
                \(access)func contribute(to contents: inout Micro.ServiceContents) {
            """)
        printer.indent()
        printer.indent()
        if !methods.isEmpty { printer.print("let implementation = self.implementation") }
        printer.print("contents.add(\(name).definition)")
        for method in methods { printEndpoint(method, to: &printer) }
        printer.outdent()
        printer.print("}")
        printer.outdent()
        printer.print("}")
    }

    private func printEndpoint(_ method: MethodText, to printer: inout CodePrinter) {
        let request = method.streamsRequests ? "requests" : "request"
        var parameters = ["\(request): \(method.requestType)"]
        var arguments = [request]
        if method.streamsReplies {
            parameters.append("replies: Micro.MessageWriter<\(method.reply)>")
            arguments.append("replies: replies")
        }
        parameters.append("context: Micro.RequestContext")
        arguments.append("context: context")
        printer.print("contents.add(Micro.Endpoint(\"\(method.path)\") {")
        printer.printIndented("(")
        printer.withIndentation { $0.printIndented(parameters.joined(separator: ",\n")) }
        printer.printIndented(") in")
        printer.printIndented(
            "try await implementation.\(method.function)(\(arguments.joined(separator: ", ")))")
        printer.print(method.isIdempotent ? "}.idempotent())" : "})")
    }

    private func printConformance(to printer: inout CodePrinter) {
        printer.print(
            """

            nonisolated extension \(name).Service {
                /// Adds the endpoints of the implementation to a service.
                \(access)func contribute(to contents: inout Micro.ServiceContents) {
                    \(name).Endpoints(self).contribute(to: &contents)
                }
            }
            """)
    }

    static func comment(of method: MethodText) -> String {
        comment(of: method.descriptor, otherwise: "The method `\(method.descriptor.fullName)`.")
    }

    /// The comment in the `.proto` file as documentation, or a sentence where there is none.
    private static func comment(
        of descriptor: some ProvidesSourceCodeLocation, otherwise sentence: String
    ) -> String {
        let comment = descriptor.protoSourceComments(commentPrefix: "///")
        return comment.isEmpty ? "/// \(sentence)\n" : comment
    }
}
