internal import Foundation
internal import MicroCore
internal import SwiftProtobuf

extension DescriptorIndex {
    typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
    typealias Answer = Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse

    /// Answers a question.
    ///
    /// - Parameters:
    ///   - request: The question.
    ///   - sent: The files that the asker has; those of the answer are added.
    /// - Returns: The answer, which may say what is wrong with the question.
    func answer(_ request: Request, sent: inout Set<String>) -> Answer {
        switch request.messageRequest {
        case .fileByFilename(let name):
            return file(files[name].map { _ in name }, "file \"\(name.prefix(200))\"", &sent)
        case .fileContainingSymbol(let symbol):
            return file(symbols[symbol], "symbol \"\(symbol.prefix(200))\"", &sent)
        case .fileContainingExtension(let field):
            let name = extensions[field.containingType]?[field.extensionNumber]
            return file(
                name, "extension \(field.extensionNumber) of \"\(field.containingType.prefix(200))\"", &sent)
        case .allExtensionNumbersOfType(let type):
            guard symbols[type] != nil else { return Self.unknown("type \"\(type.prefix(200))\"") }
            return .allExtensionNumbersResponse(
                .with {
                    $0.baseTypeName = type
                    $0.extensionNumber = extensions[type, default: [:]].keys.sorted()
                })
        case .listServices:
            return .listServicesResponse(
                .with { $0.service = services.map { name in .with { $0.name = name } } })
        case nil:
            return Self.error(.invalidArgument, "The request asks nothing.")
        }
    }

    /// A file, with what it imports if the asker doesn't have it.
    private func file(_ name: String?, _ what: String, _ sent: inout Set<String>) -> Answer {
        guard let name, files[name] != nil else { return Self.unknown(what) }
        sent.remove(name)
        var descriptors: [Data] = []
        var waiting = [name]
        while let next = waiting.popLast() {
            guard let file = files[next], sent.insert(next).inserted else { continue }
            descriptors.append(file.descriptor)
            waiting += file.dependencies
        }
        return .fileDescriptorResponse(.with { $0.fileDescriptorProto = descriptors })
    }

    private static func unknown(_ what: String) -> Answer { error(.notFound, "There is no \(what) here.") }

    private static func error(_ status: RPCStatus, _ message: String) -> Answer {
        .errorResponse(
            .with {
                $0.errorCode = Int32(status.rawValue)
                $0.errorMessage = message
            })
    }
}
