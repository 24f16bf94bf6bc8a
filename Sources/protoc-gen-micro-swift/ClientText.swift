internal import SwiftProtobuf
internal import SwiftProtobufPluginLibrary

/// Writes the client of a service.
struct ClientText {
    let generator: ServiceGenerator
    let access: String

    private var service: ServiceDescriptor { generator.service }

    private var isDeprecated: Bool { service.options.deprecated || service.file.options.deprecated }

    func print(to printer: inout CodePrinter) {
        printer.print(
            """
            /// Calls the methods of `\(service.fullName)`.
            ///
            /// Make one and keep it: it remembers what its calls need.
            """)
        if isDeprecated { printer.print(deprecation(service.fullName)) }
        printer.print("\(access)nonisolated struct Client: Sendable {")
        printer.withIndentation { printer in
            printCreation(to: &printer)
            for method in generator.methods {
                printer.print("")
                printCall(method, to: &printer)
            }
        }
        printer.print("}")
    }

    private func printCreation(to printer: inout CodePrinter) {
        printer.print(
            """
            private let _client: Micro.MicroClient
            private let _methods: Methods

            /// Creates a client.
            ///
            /// - Parameters:
            ///   - client: What makes the calls, such as a service's own client.
            ///   - service: The name under which the service is registered.
            ///   - contentSubtype: How messages are encoded; `proto` by default.
            \(access)init(
                _ client: Micro.MicroClient, service: String, contentSubtype: String? = nil
            ) {
                self.init(client, Methods(service, contentSubtype))
            }

            private init(_ client: Micro.MicroClient, _ methods: Methods) {
                self._client = client
                self._methods = methods
            }

            /// Returns the same methods, called through another client.
            ///
            /// A handler passes its `context.client`, whose calls end with the call that it answers.
            \(access)func through(_ client: Micro.MicroClient) -> Self { Self(client, self._methods) }

            private final class Methods: Sendable {
            """)
        printer.withIndentation { printer in
            for method in generator.methods {
                printer.print("let \(method.function): Micro.RPCMethod<\(method.request), \(method.reply)>")
            }
            if !generator.methods.isEmpty { printer.print("") }
            printer.print("init(_ service: String, _ contentSubtype: String?) {")
            printer.withIndentation { printer in
                for method in generator.methods {
                    printer.print("self.\(method.function) = Micro.RPCMethod(")
                    let idempotency = method.isIdempotent ? ", isIdempotent: true" : ""
                    printer.printIndented(
                        "service, \"\(method.path)\", contentSubtype: contentSubtype\(idempotency))")
                }
            }
            printer.print("}")
        }
        printer.print("}")
    }

    private func printCall(_ method: MethodText, to printer: inout CodePrinter) {
        printer.print(ServiceGenerator.comment(of: method), newlines: false)
        printer.print("///", "/// - Parameters:")
        if !method.streamsRequests { printer.print("///   - request: The request.") }
        printer.print("///   - options: How the call is made.")
        if bodyParameter(method) != nil { printer.print("///   - body: \(bodyDescription(method))") }
        printer.print("/// - Returns: \(method.streamsReplies ? "What the closure returned." : "The reply.")")
        printer.print(
            "/// - Throws: The error that the service answered with, or why it could not be called.")
        if method.descriptor.options.deprecated { printer.print(deprecation(method.descriptor.fullName)) }
        printSignature(method, to: &printer)
        var arguments = ["self._methods.\(method.function)"]
        if !method.streamsRequests { arguments.append("request") }
        arguments.append("options: options")
        if bodyParameter(method) != nil { arguments.append("body") }
        let function = bodyParameter(method) == nil ? "call" : "stream"
        printer.printIndented(
            "try await self._client.\(function)(\(arguments.joined(separator: ", ")))")
        printer.print("}")
    }

    private func printSignature(_ method: MethodText, to printer: inout CodePrinter) {
        let generic = method.streamsReplies ? "<BodyResult>" : ""
        printer.print("\(access)nonisolated(nonsending) func \(method.function)\(generic)(")
        if !method.streamsRequests { printer.printIndented("_ request: \(method.request),") }
        let body = bodyParameter(method)
        let comma = body == nil ? "" : ","
        printer.printIndented("options: Micro.CallOptions = Micro.CallOptions()\(comma)")
        if let body { printer.printIndented(body, "-> \(method.streamsReplies ? "BodyResult" : "Void")") }
        let errors = body == nil ? "throws(MicroCore.MicroError)" : "throws"
        let result = method.streamsReplies ? "BodyResult" : method.reply
        printer.print(") async \(errors) -> \(result) {")
    }

    /// The closure that lives as long as a streaming call.
    private func bodyParameter(_ method: MethodText) -> String? {
        var parameters: [String] = []
        if method.streamsRequests { parameters.append("Micro.RequestWriter<\(method.request)>") }
        if method.streamsReplies { parameters.append("Micro.MessageStream<\(method.reply)>") }
        guard !parameters.isEmpty else { return nil }
        return "_ body: nonisolated(nonsending) (\(parameters.joined(separator: ", "))) async throws"
    }

    private func bodyDescription(_ method: MethodText) -> String {
        switch (method.streamsRequests, method.streamsReplies) {
        case (true, true): "Writes the requests and reads the replies; the call ends when it returns."
        case (true, false): "Writes the requests; when it returns, they end."
        default: "Reads the replies; the call ends when it returns."
        }
    }

    private func deprecation(_ name: String) -> String {
        "@available(*, deprecated, message: \"\(name) is deprecated.\")"
    }
}
