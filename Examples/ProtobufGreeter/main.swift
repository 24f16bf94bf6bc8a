// The greeter with Protobuf messages and generated code, service and client in one program:
//
//     swift run greeter-protobuf              # the service
//     swift run greeter-protobuf call John    # the client
//
// Any gRPC client can call it at `/greeter.Greeter/Hello`, and so can `micro call`, in JSON:
//
//     micro call greeter-protobuf Greeter.Hello '{"name": "John"}'
//
// `greeter.pb.swift` and `greeter.micro.swift` are generated from `greeter.proto` by `make protos`.
import MicroDefaults
import SwiftProtobuf

struct Greeter: Greeter_Greeter.Service {
    func hello(
        _ request: Greeter_HelloRequest, context: RequestContext
    ) async throws -> Greeter_HelloReply {
        .with { $0.message = "Hello, \(request.name)!" }
    }
}

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "call" {
    await runProgram {
        try await withMicroClient { client in
            let greeter = Greeter_Greeter.Client(client, service: "greeter-protobuf")
            let reply = try await greeter.hello(.with { $0.name = arguments.dropFirst().first ?? "world" })
            print(reply.message)
        }
    }
} else {
    await MicroService("greeter-protobuf") { Greeter() }.main()
}
