// What the fragments among the samples see: types that they name, and values that stand around them.
//
// Nothing here runs; samples are only type-checked.
@_exported import CoreMetrics
@_exported import Logging
@_exported import MicroBrokerHTTP
@_exported import MicroBrokerMemory
@_exported import MicroBrokerNATS
@_exported import MicroDebug
@_exported import MicroDefaults
@_exported import MicroEtcd
@_exported import MicroHealth
@_exported import MicroMetricsPrometheus
@_exported import MicroNATS
@_exported import MicroNIO
@_exported import MicroPluginKit
@_exported import MicroRegistryEtcd
@_exported import MicroRegistryMDNS
@_exported import MicroRegistryMemory
@_exported import MicroServiceTesting
@_exported import MicroTesting
@_exported import MicroTransportHTTP2
@_exported import MicroTransportMemory
@_exported import MicroWire
@_exported import NIOCore
@_exported import NIOPosix
@_exported import ServiceLifecycle
@_exported import Synchronization
@_exported import Testing
@_exported import Tracing

struct HelloRequest: Codable { var name: String }
struct HelloReply: Codable { var message: String }
struct Start: Codable { var from = 3 }
struct Tick: Codable { var number: Int }
struct Number: Codable { var value: Int }
struct Text: Codable { var text: String }
struct Greeting: Codable { var message: String }
struct Export: Codable {}
struct Check: Codable {}
struct Status: Codable { var text: String }
struct Query: Codable {}
struct Report: Codable {}
struct Results: Codable {}
struct Order: Codable, Equatable { var id = "" }

enum Tenant { static var current: String { "acme" } }
struct ReadTenant: ServerMiddleware {
    func handle<Answer: Sendable>(_ context: RequestContext, next: Next<Answer>) async throws -> Answer {
        try await next()
    }
}
struct RequireToken: ServerMiddleware {
    func handle<Answer: Sendable>(_ context: RequestContext, next: Next<Answer>) async throws -> Answer {
        try await next()
    }
}
struct AddTenant: ClientMiddleware {
    func handle<Answer>(_ call: OutgoingCall, next: NextCall<Answer>) async throws -> Answer {
        try await next(call)
    }
}
struct StampEvents: PublisherMiddleware {
    func handle(_ event: OutgoingEvent, next: NextEvent) async throws { try await next(event) }
}
protocol Store: Part { func read(_ key: String) async throws -> [UInt8]? }
struct SQLiteStore: Store {
    init(path: String) {}
    func read(_ key: String) async throws -> [UInt8]? { nil }
}
extension PluginRole where Interface == any Store { static var store: Self { PluginRole("store") } }
struct ReadRequest: Codable { var key: String }

let hello = Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
    HelloReply(message: "Hello, \(request.name)!")
}
let client = MicroClient()
let service = MicroService("sample") { hello }
let greeter = service
let query = Query()
let request = HelloRequest(name: "world")
let options = SubscriptionOptions(topic: "greetings")
let runner = SubscriptionRunner()
let throttle = LogThrottle()
let clock = ManualClock()
var backoff: ExponentialBackoff {
    get { fatalError() }
    set {}
}
let language = "en"
let deadline = ContinuousClock.now
let tls = TLSConfiguration()
let event = BrokerEvent(topic: "greetings", body: EncodedMessage())
let handler = EventHandler { _ in .ack }
var pluginContext: PluginContext { fatalError() }
var natsClient: NATSClient { fatalError() }
var etcdClient: EtcdClient { fatalError() }
var channel: any Channel { fatalError() }
var bootstrap: ClientBootstrap { fatalError() }
var configuration: TLSConfiguration { tls }
let attempts = ConnectAttempts<Void>()
let host = "127.0.0.1"
let port = 4222
var context: RequestContext { fatalError() }
var requests: MessageStream<HelloRequest> { fatalError() }

func look() {}
func greeting(_ name: String, in language: String) -> String { "Hello, \(name)!" }

// What settings are shown with.
struct MemoryStore: Part {
    static let capacity = Setting(
        "capacity", .number(in: 1...1_000_000), default: 1000, "how many records it keeps")
}

// What the conformance suites are shown with.
typealias MyRegistry = MemoryRegistry
typealias MySelector = RandomSelector
typealias MyTransport = MemoryTransport
struct MyServer: Sendable {}
func MyBroker(_ server: MyServer) -> MemoryBroker { MemoryBroker() }
struct MyCodec: Codec {
    let contentSubtypes = ["mine"]
    func coder<Value: Sendable>(for type: Value.Type, subtype: String) -> MessageCoder<Value>? { nil }
}

/// The implementation that docs/GeneratedCode.md calls.
struct Greeter: Greeter_Greeter.Service {
    func hello(
        _ request: Greeter_HelloRequest, context: RequestContext
    ) async throws -> Greeter_HelloReply { .init() }
}

// Two services of a package `a`, as docs/GeneratedCode.md has them.
enum A_First {
    protocol Service: ServiceComponent {}
    struct Endpoints: ServiceComponent {
        init(_ implementation: some Service) {}
        func contribute(to contents: inout ServiceContents) {}
    }
}
enum A_Second {
    protocol Service: ServiceComponent {}
    struct Endpoints: ServiceComponent {
        init(_ implementation: some Service) {}
        func contribute(to contents: inout ServiceContents) {}
    }
}

// A database and a web server that README.md runs beside a service.
struct Pool: Service {
    func run() async throws {}
    func migrate() async throws {}
    func flush() async {}
}
func NotesEndpoints(_ pool: Pool) -> Endpoint { hello }
let pool = Pool()
let web = Pool()
let logger = Logger(label: "sample")
enum database {
    static func open() async throws {}
    static func close() async {}
}
