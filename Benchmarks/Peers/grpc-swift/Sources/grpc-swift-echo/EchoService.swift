import Foundation
import GRPCCore
import GRPCProtobuf

/// The benchmarks' echo service, registered as generated code does it.
struct EchoService: RegistrableRPCService {
    func registerMethods(with router: inout RPCRouter<some ServerTransport>) {
        router.registerHandler(
            forMethod: method("Unary"),
            deserializer: ProtobufDeserializer<Echo_Payload>(),
            serializer: ProtobufSerializer<Echo_Payload>()
        ) { request, _ in
            let request = try await ServerRequest(stream: request)
            let reply = Echo_Payload.with { $0.payload = request.message.payload }
            return StreamingServerResponse(single: ServerResponse(message: reply))
        }
        router.registerHandler(
            forMethod: method("ServerStream"),
            deserializer: ProtobufDeserializer<Echo_StreamRequest>(),
            serializer: ProtobufSerializer<Echo_Payload>()
        ) { request, _ in
            let request = try await ServerRequest(stream: request).message
            let message = Echo_Payload.with { $0.payload = Data(count: Int(request.size)) }
            return StreamingServerResponse { writer in
                for _ in 0..<request.count { try await writer.write(message) }
                return [:]
            }
        }
        router.registerHandler(
            forMethod: method("Spin"),
            deserializer: ProtobufDeserializer<Echo_SpinRequest>(),
            serializer: ProtobufSerializer<Echo_SpinReply>()
        ) { request, _ in
            let request = try await ServerRequest(stream: request)
            let end = ContinuousClock.now.advanced(by: .microseconds(Int(request.message.microseconds)))
            while ContinuousClock.now < end {}
            return StreamingServerResponse(single: ServerResponse(message: Echo_SpinReply()))
        }
    }

    private func method(_ name: String) -> MethodDescriptor {
        MethodDescriptor(fullyQualifiedService: "echo.Echo", method: name)
    }
}
