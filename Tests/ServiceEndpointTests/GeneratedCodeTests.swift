import Micro
import MicroCore
import MicroProtobuf
import SwiftProtobuf
import Testing

/// Generated protocols, endpoints and clients at work.
@Suite(.timeLimit(.minutes(1))) struct GeneratedCodeTests {
    @Test func carriesAllShapes() async throws {
        try await makeService { Shapes() }.withRunning { running in
            let shapes = Shapes_V1_AllShapes.Client(running.client, service: "shapes")
            #expect(try await shapes.single(text("a")).text == "A")
            let letters = try await shapes.out(text("abc")) { replies in
                try await replies.reduce(into: []) { $0.append($1.text) }
            }
            #expect(letters == ["a", "b", "c"])
            let count = try await shapes.in { requests in
                for value in ["x", "y"] { try await requests.write(text(value)) }
            }
            #expect(count.value == 2)
            let echo = try await shapes.both { requests, replies in
                try await requests.write(text("ping"))
                let reply = try await replies.next()
                try await requests.finish()
                return reply?.text
            }
            #expect(echo == "ping")
        }
    }

    @Test func takesOptionsAndTellsErrors() async throws {
        try await makeService { Shapes() }.withRunning { running in
            let shapes = Shapes_V1_AllShapes.Client(running.client, service: "shapes", contentSubtype: "json")
            let reply = try await shapes.single(text("a"), options: .metadata(["language": "en"]))
            #expect(reply.text == "en: a")
            let error = await #expect(throws: MicroError.self) {
                try await shapes.through(running.client).single(text("fail"))
            }
            #expect(error?.status == .failedPrecondition)
        }
    }

    @Test func isFoundByEveryPath() async throws {
        try await makeService { Shapes() }.withRunning { running in
            for path in ["/shapes.v1.AllShapes/Single", "/shapes.AllShapes/Single", "AllShapes.Single"] {
                let reply = try await running.client.call(
                    "shapes", path, text("a"), returning: Shapes_V1_Text.self)
                #expect(reply.text == "A")
            }
            let names = running.record.endpoints?.map(\.name) ?? []
            #expect(names.contains("AllShapes.Single"))
            #expect(names.count == 7)
        }
    }

    /// A type that implements two services says itself what it contributes.
    struct Both: Shapes_V1_AllShapes.Service, Shapes_V1_Empty.Service {
        func contribute(to contents: inout ServiceContents) {
            contents.add(Shapes_V1_AllShapes.Endpoints(self))
            contents.add(Shapes_V1_Empty.Endpoints(self))
        }

        func single(_ request: Shapes_V1_Text, context: RequestContext) async throws -> Shapes_V1_Text {
            request
        }
        func out(
            _ request: Shapes_V1_Text, replies: MessageWriter<Shapes_V1_Text>, context: RequestContext
        ) async throws {}
        func `in`(
            _ requests: Micro.MessageStream<Shapes_V1_Text>, context: RequestContext
        ) async throws -> Shapes_V1_Text.Count { .init() }
        func both(
            _ requests: Micro.MessageStream<Shapes_V1_Text>, replies: MessageWriter<Shapes_V1_Text>,
            context: RequestContext
        ) async throws {}
        func oldSingle(_ request: Shapes_V1_Text, context: RequestContext) async throws -> Shapes_V1_Text {
            request
        }
        func withoutComment(_ request: Shapes_V1_Text, context: RequestContext) async throws -> Shapes_V1_Text
        {
            request
        }

        func repeatable(_ request: Shapes_V1_Text, context: RequestContext) async throws -> Shapes_V1_Text {
            request
        }
    }

    @Test func oneTypeImplementsTwoServices() async throws {
        try await makeService { Both() }.withRunning { running in
            let shapes = Shapes_V1_AllShapes.Client(running.client, service: "shapes")
            let reply = try await shapes.single(text("same"))
            #expect(reply.text == "same")
        }
    }

    @Test func definitionsCanBeRead() throws {
        let definition = Shapes_V1_AllShapes.definition
        #expect(definition.name == "shapes.v1.AllShapes")
        let file = try #require(definition.files.last)
        let proto = try Google_Protobuf_FileDescriptorProto(serializedBytes: file.descriptor)
        #expect(proto.name == "shapes.proto")
        #expect(proto.service.map(\.name) == ["AllShapes", "Empty"])
        #expect(!proto.hasSourceCodeInfo)
    }
}
