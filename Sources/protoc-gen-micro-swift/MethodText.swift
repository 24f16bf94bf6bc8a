internal import SwiftProtobuf
internal import SwiftProtobufPluginLibrary

/// A method with the names that generated code has for it.
struct MethodText {
    let descriptor: MethodDescriptor

    /// The function, escaped where it has to be.
    let function: String

    /// The types of its messages.
    let request: String
    let reply: String

    init(_ descriptor: MethodDescriptor, function: String, request: String, reply: String) {
        self.descriptor = descriptor
        self.function = function
        self.request = request
        self.reply = reply
    }

    var streamsRequests: Bool { descriptor.clientStreaming }
    var streamsReplies: Bool { descriptor.serverStreaming }

    /// Whether the `.proto` file says that calls may have their effect several times.
    var isIdempotent: Bool {
        switch descriptor.options.idempotencyLevel {
        case .idempotent, .noSideEffects: true
        case .idempotencyUnknown: false
        }
    }

    /// The path of a call, as every gRPC client writes it.
    var path: String { "/\(descriptor.service.fullName)/\(descriptor.name)" }

    /// The request as an implementation gets it.
    var requestType: String { streamsRequests ? "Micro.MessageStream<\(request)>" : request }

    var requestParameter: String { "_ \(streamsRequests ? "requests" : "request"): \(requestType)" }
}

/// A message that is known by another name inside a service's namespace.
struct MessageAlias: Hashable {
    let name: String
    let message: String
}

/// The names of message types inside a service's namespace.
///
/// A message of a file without a package may be called `Client`, as is a member of the namespace, which
/// would be found first. Such a message gets another name outside.
struct MessageTypes {
    private static let members: Set<String> = [
        "Service", "Endpoints", "Client", "Methods", "Implementation", "BodyResult",
    ]

    private let namer: SwiftProtobufNamer
    private let namespace: String

    init(_ namer: SwiftProtobufNamer, namespace: String) {
        self.namer = namer
        self.namespace = namespace
    }

    func name(of message: Descriptor) -> String {
        alias(of: message)?.name ?? namer.fullName(message: message)
    }

    /// The other names that the methods of a service need, each once.
    func aliases(in service: ServiceDescriptor) -> [MessageAlias] {
        let messages = service.methods.flatMap { [$0.inputType, $0.outputType].compactMap(\.self) }
        return Set(messages.compactMap(alias)).sorted { $0.name < $1.name }
    }

    private func alias(of message: Descriptor) -> MessageAlias? {
        let name = namer.fullName(message: message)
        let first = String(name.prefix { $0 != "." })
        guard Self.members.contains(first) || first == namespace else { return nil }
        return MessageAlias(name: "\(namespace)_\(name.replacing(".", with: "_"))", message: name)
    }
}
