// Calls the greeter. Run it with `swift run greeter-client John` while `greeter-service` runs.
import MicroDefaults

struct HelloRequest: Codable { var name: String }
struct HelloReply: Codable { var message: String }

let request = HelloRequest(name: CommandLine.arguments.dropFirst().first ?? "world")
await runProgram {
    try await withMicroClient { client in
        let reply = try await client.call("greeter", "Greeter.Hello", request, returning: HelloReply.self)
        print(reply.message)
    }
}
