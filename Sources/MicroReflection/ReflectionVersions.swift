internal import SwiftProtobuf

/// The two versions of reflection, whose definitions differ in their names alone.
enum ReflectionVersions {
    private static let package = "grpc.reflection.v1"
    private static let olderPackage = "grpc.reflection.v1alpha"

    /// The service of the older version.
    static let olderService = "\(olderPackage).ServerReflection"

    /// Returns the definition of the older version, if a file defines the newer one.
    static func older(_ file: Google_Protobuf_FileDescriptorProto) -> Google_Protobuf_FileDescriptorProto? {
        guard file.package == package else { return nil }
        var older = file
        older.name = file.name.replacing("/v1/", with: "/v1alpha/")
        older.package = olderPackage
        older.messageType = file.messageType.map(renamed)
        older.service = file.service.map { service in
            var service = service
            service.method = service.method.map { method in
                var method = method
                method.inputType = renamed(method.inputType)
                method.outputType = renamed(method.outputType)
                return method
            }
            return service
        }
        return older
    }

    private static func renamed(_ message: Google_Protobuf_DescriptorProto) -> Google_Protobuf_DescriptorProto
    {
        var message = message
        message.field = message.field.map { field in
            var field = field
            if field.hasTypeName { field.typeName = renamed(field.typeName) }
            return field
        }
        message.nestedType = message.nestedType.map(renamed)
        return message
    }

    private static func renamed(_ type: String) -> String {
        type.hasPrefix(".\(package).") ? ".\(olderPackage)\(type.dropFirst(package.count + 1))" : type
    }
}
