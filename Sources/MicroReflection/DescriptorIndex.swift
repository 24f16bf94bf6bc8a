internal import Foundation
internal import Logging
internal import Micro
internal import MicroCore
internal import MicroProtobuf
internal import SwiftProtobuf

/// All definitions of a service, by file, symbol and extension.
struct DescriptorIndex: Sendable {
    /// A file, serialised, and those that it imports.
    struct File: Sendable {
        let descriptor: Data
        let dependencies: [String]
    }

    /// The names of the services, sorted.
    private(set) var services: [String] = []

    private(set) var files: [String: File] = [:]

    /// The files in which symbols are defined.
    private(set) var symbols: [String: String] = [:]

    /// The files in which the extensions of a message are defined, by their numbers.
    private(set) var extensions: [String: [Int32: String]] = [:]

    init(_ services: [ProtobufService]) {
        var names: Set<String> = []
        for service in services {
            names.insert(service.name)
            for file in service.files where files[file.name] == nil {
                guard let proto = try? Google_Protobuf_FileDescriptorProto(serializedBytes: file.descriptor)
                else {
                    Logger.current.warning(
                        "A .proto file in generated code can't be read, so reflection leaves it out.",
                        metadata: ["micro.proto.file": "\(file.name)"])
                    continue
                }
                add(proto, Data(file.descriptor))
                guard let older = ReflectionVersions.older(proto),
                    let data = try? older.serializedData() as Data
                else { continue }
                add(older, data)
                names.insert(ReflectionVersions.olderService)
            }
        }
        self.services = names.sorted()
    }

    mutating func add(_ file: Google_Protobuf_FileDescriptorProto, _ descriptor: Data) {
        files[file.name] = File(descriptor: descriptor, dependencies: file.dependency)
        var definitions = FileDefinitions(file.package)
        definitions.add(file)
        for symbol in definitions.symbols where symbols[symbol] == nil { symbols[symbol] = file.name }
        for (type, number) in definitions.extensions { extensions[type, default: [:]][number] = file.name }
    }
}

/// What a file defines.
private struct FileDefinitions {
    private(set) var symbols: [String] = []
    private(set) var extensions: [(type: String, number: Int32)] = []
    private let package: String

    init(_ package: String) { self.package = package }

    mutating func add(_ file: Google_Protobuf_FileDescriptorProto) {
        for message in file.messageType { add(message, in: package) }
        for value in file.enumType { add(value, in: package) }
        for field in file.extension { addExtension(field, in: package) }
        for service in file.service {
            let name = Self.join(package, service.name)
            symbols.append(name)
            for method in service.method { symbols.append(Self.join(name, method.name)) }
        }
    }

    private mutating func add(_ message: Google_Protobuf_DescriptorProto, in scope: String) {
        let name = Self.join(scope, message.name)
        symbols.append(name)
        for field in message.field { symbols.append(Self.join(name, field.name)) }
        for oneof in message.oneofDecl { symbols.append(Self.join(name, oneof.name)) }
        for nested in message.nestedType { add(nested, in: name) }
        for value in message.enumType { add(value, in: name) }
        for field in message.extension { addExtension(field, in: name) }
    }

    private mutating func add(_ value: Google_Protobuf_EnumDescriptorProto, in scope: String) {
        let name = Self.join(scope, value.name)
        symbols.append(name)
        // Values are found beside their enumeration by Protobuf's rules, and inside it by habit.
        for value in value.value {
            symbols.append(Self.join(scope, value.name))
            symbols.append(Self.join(name, value.name))
        }
    }

    private mutating func addExtension(_ field: Google_Protobuf_FieldDescriptorProto, in scope: String) {
        symbols.append(Self.join(scope, field.name))
        extensions.append(
            (
                field.extendee.hasPrefix(".") ? String(field.extendee.dropFirst()) : field.extendee,
                field.number
            ))
    }

    private static func join(_ scope: String, _ name: String) -> String {
        scope.isEmpty ? name : "\(scope).\(name)"
    }
}
