// The greeter with Protobuf messages, service and client in one program:
//
//     swift run greeter-protobuf              # the service
//     swift run greeter-protobuf call John    # the client
//
// Any gRPC client can call it at `/greeter.Greeter/Hello`, and so can `micro call`, in JSON:
//
//     micro call greeter-protobuf Greeter.Hello '{"name": "John"}'
//
// `greeter.pb.swift` is generated from `greeter.proto` by `protoc --swift_out=. greeter.proto`.
import MicroDefaults
import SwiftProtobuf

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "call" {
    let request = Greeter_HelloRequest.with { $0.name = arguments.dropFirst().first ?? "world" }
    try await withMicroClient { client in
        let reply = try await client.call(
            "greeter-protobuf", "Greeter.Hello", request, returning: Greeter_HelloReply.self)
        print(reply.message)
    }
} else {
    let greeter = MicroService("greeter-protobuf") {
        Endpoint("greeter.Greeter.Hello") { (request: Greeter_HelloRequest, context) in
            Greeter_HelloReply.with { $0.message = "Hello, \(request.name)!" }
        }
    }
    try await greeter.run()
}
