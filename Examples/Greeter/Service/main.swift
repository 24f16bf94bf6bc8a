// A service. Run it with `swift run greeter-service`; it announces itself on the network.
import MicroDefaults

struct HelloRequest: Codable { var name: String }
struct HelloReply: Codable { var message: String }

let greeter = MicroService("greeter") {
    Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
        HelloReply(message: "Hello, \(request.name)!")
    }
}
await greeter.main()
