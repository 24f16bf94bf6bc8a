import Foundation
import Micro
import MicroCore
import MicroProtobuf
import SwiftProtobuf
import Testing

@testable import MicroReflection

/// Reflection: what it answers, and whom.
@Suite(.timeLimit(.minutes(1))) struct ReflectionTests {
    typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
    typealias Reply = Grpc_Reflection_V1_ServerReflectionResponse

    private func ask(_ running: RunningService, _ requests: Request...) async throws -> [Reply] {
        let reflection = Grpc_Reflection_V1_ServerReflection.Client(running.client, service: "shapes")
        return try await reflection.serverReflectionInfo { writer, replies in
            var answers: [Reply] = []
            for request in requests {
                try await writer.write(request)
                if let answer = try await replies.next() { answers.append(answer) }
            }
            return answers
        }
    }

    @Test func listsAndDescribes() async throws {
        try await makeService { Shapes() }.withRunning { running in
            let answers = try await ask(
                running, .with { $0.listServices = "" },
                .with { $0.fileContainingSymbol = "shapes.v1.AllShapes.Single" },
                .with { $0.fileContainingSymbol = "shapes.v1.Text.Count" },
                .with { $0.fileByFilename = "grpc/health/v1/health.proto" },
                .with { $0.fileContainingSymbol = "no.Such" }, .init())
            try #require(answers.count == 6)
            #expect(
                answers[0].listServicesResponse.service.map(\.name) == [
                    "Debug", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                    "grpc.reflection.v1alpha.ServerReflection", "shapes.v1.AllShapes",
                ])
            for answer in answers[1...2] {
                let file = try #require(answer.fileDescriptorResponse.fileDescriptorProto.first)
                #expect(try Google_Protobuf_FileDescriptorProto(serializedBytes: file).name == "shapes.proto")
            }
            #expect(answers[3].fileDescriptorResponse.fileDescriptorProto.count == 1)
            #expect(answers[4].errorResponse.errorCode == 5)
            #expect(answers[4].originalRequest.fileContainingSymbol == "no.Such")
            #expect(answers[5].errorResponse.errorCode == 3)
        }
    }

    @Test func knowsExtensionsAndImports() throws {
        var base = Google_Protobuf_FileDescriptorProto()
        base.name = "base.proto"
        base.package = "p"
        base.messageType = [.with { $0.name = "M" }]
        var file = Google_Protobuf_FileDescriptorProto()
        file.name = "more.proto"
        file.dependency = ["base.proto"]
        file.extension = [
            .with {
                $0.name = "x"; $0.number = 101; $0.extendee = ".p.M"
            }
        ]
        file.enumType = [
            .with {
                $0.name = "E"; $0.value = [.with { $0.name = "ONE" }]
            }
        ]
        var index = DescriptorIndex([])
        index.add(base, try base.serializedData())
        index.add(file, try file.serializedData())
        var sent: Set<String> = []
        let request = Request.with {
            $0.fileContainingExtension = .with {
                $0.containingType = "p.M"; $0.extensionNumber = 101
            }
        }
        guard case .fileDescriptorResponse(let found) = index.answer(request, sent: &sent) else {
            Issue.record("The extension was not found.")
            return
        }
        #expect(found.fileDescriptorProto.count == 2)
        // The asker has what it imports now, and gets the file alone.
        guard case .fileDescriptorResponse(let again) = index.answer(request, sent: &sent) else {
            Issue.record("The extension was not found again.")
            return
        }
        #expect(again.fileDescriptorProto.count == 1)
        let numbers = index.answer(.with { $0.allExtensionNumbersOfType = "p.M" }, sent: &sent)
        #expect(
            numbers
                == .allExtensionNumbersResponse(
                    .with {
                        $0.baseTypeName = "p.M"; $0.extensionNumber = [101]
                    }))
        #expect(index.symbols["E.ONE"] == "more.proto" && index.symbols["ONE"] == "more.proto")
        guard case .errorResponse = index.answer(.with { $0.allExtensionNumbersOfType = "p.N" }, sent: &sent)
        else {
            Issue.record("An unknown type was found.")
            return
        }
    }

    @Test func brokenDefinitionsAreLeftOut() {
        let broken = ProtobufService("b.B", files: [ProtobufService.File("b.proto", base64: "AAAA!")])
        let index = DescriptorIndex([broken, Shapes_V1_AllShapes.definition])
        #expect(index.files["shapes.proto"] != nil)
        #expect(index.services == ["b.B", "shapes.v1.AllShapes"])
    }

    @Test func answersThisMachineOnly() async throws {
        let stranger = Peer(address: "192.0.2.7:4711")
        try await makeService(peer: stranger) { Shapes() }.withRunning { running in
            let error = await #expect(throws: MicroError.self) {
                try await ask(running, .with { $0.listServices = "" })
            }
            #expect(error?.status == .permissionDenied)
            #expect(error?.detail.contains("MICRO_REFLECTION=open") == true)
        }
        try await makeService(peer: stranger, environment: ["MICRO_REFLECTION": "open"]) { Shapes() }
            .withRunning { running in
                let answers = try await ask(running, .with { $0.listServices = "" })
                #expect(answers.count == 1)
            }
        try await makeService(environment: ["MICRO_REFLECTION": "off"]) { Shapes() }.withRunning { running in
            let error = await #expect(throws: MicroError.self) {
                try await ask(running, .with { $0.listServices = "" })
            }
            #expect(error?.status == .unimplemented)
        }
    }
}
