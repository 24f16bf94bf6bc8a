public import Micro
internal import MicroCore

/// What a `.proto` file says of a service, which generated code attaches to whatever has the service.
///
/// Reflection answers with it. Nothing is decoded before.
public struct ProtobufService: Sendable {
    /// The name with the package, such as `greeter.Greeter`.
    public let name: String

    /// The file that defines the service, behind all that it imports.
    public let files: [File]

    /// Creates a definition.
    ///
    /// - Parameters:
    ///   - name: The name with the package.
    ///   - files: The file that defines the service, behind all that it imports.
    public init(_ name: String, files: [File]) {
        self.name = name
        self.files = files
    }
}

extension ProtobufService {
    /// One `.proto` file, compiled.
    public struct File: Sendable {
        /// The path by which others import it.
        public let name: String

        private let base64: StaticString

        /// Creates a file.
        ///
        /// - Parameters:
        ///   - name: The path by which others import it.
        ///   - base64: A `google.protobuf.FileDescriptorProto`, in base 64.
        public init(_ name: String, base64: StaticString) {
            self.name = name
            self.base64 = base64
        }

        /// The file as a serialised `google.protobuf.FileDescriptorProto`; empty if the text is no base 64.
        public var descriptor: [UInt8] {
            // Sound because a literal that isn't a single scalar is constant memory.
            guard base64.hasPointerRepresentation else { return [] }
            return base64.withUTF8Buffer { Base64.decode($0) ?? [] }
        }
    }
}

extension ServiceContents {
    /// Adds what is known of a service from its `.proto` file.
    ///
    /// - Parameter service: The definition.
    public mutating func add(_ service: ProtobufService) { attach(service) }
}
