// swift-tools-version: 6.2
import PackageDescription

// Our own checks take warnings for errors. A user's build, perhaps with a later compiler, does not.
let strictness: [SwiftSetting] =
    Context.environment["MICRO_WARNINGS_AS_ERRORS"] == "1" ? [.treatAllWarnings(as: .error)] : []

// `make fuzz` builds the parsers for libFuzzer, in a folder of its own. Nobody else has these flags.
let isFuzzing = Context.environment["MICRO_FUZZ"] == "1"
let sanitizers: [SwiftSetting] = isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer,address"])] : []

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + strictness + sanitizers

// The libraries outside, by the name that a row uses.
let argumentParser: Target.Dependency =
    .product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration: Target.Dependency =
    .product(name: "Configuration", package: "swift-configuration")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let metricsTestKit: Target.Dependency = .product(name: "MetricsTestKit", package: "swift-metrics")
let inMemoryLogging: Target.Dependency = .product(name: "InMemoryLogging", package: "swift-log")
let inMemoryTracing: Target.Dependency =
    .product(name: "InMemoryTracing", package: "swift-distributed-tracing")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let serviceLifecycle: Target.Dependency =
    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let tracing: Target.Dependency =
    .product(name: "Tracing", package: "swift-distributed-tracing")
let unixSignals: Target.Dependency =
    .product(name: "UnixSignals", package: "swift-service-lifecycle")
let swiftProtobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let protocGenSwift: Target.Dependency =
    .product(name: "protoc-gen-swift", package: "swift-protobuf")
let protobufPluginLibrary: Target.Dependency =
    .product(name: "SwiftProtobufPluginLibrary", package: "swift-protobuf")

/// One of our targets: a row of the table, from which its folder, product, settings and test target follow.
///
/// `Sources/README.md` has a row for each of them, too, which a test compares with these.
struct Row {
    /// Where a target's tests are; every target has some.
    enum Tests {
        /// In a test target of the target's name with `Tests` after it, which has the target's dependencies and more.
        case own(_ more: [Target.Dependency] = [], resources: [Resource] = [])
        /// In a test target that another row owns, or that several share (`testTargets`).
        case by(String)
        /// In no test target, but in what a command does.
        case command(String)
    }

    var target: Target
    var products: [Product] = []
    var tests: Tests

    /// A library in `Sources` that applications may link.
    static func library(
        name: String, dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = [],
        tests: Tests = .own()
    ) -> Row {
        var row = inner(
            name: name, dependencies: dependencies, exclude: exclude, resources: resources, tests: tests)
        row.products = [.library(name: name, targets: [name])]
        return row
    }

    /// A library in `Sources` for our own targets: no product.
    static func inner(
        name: String, dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = [],
        tests: Tests = .own()
    ) -> Row {
        Row(
            target: .target(
                name: name, dependencies: dependencies, exclude: exclude, resources: resources,
                swiftSettings: settings),
            tests: tests)
    }

    /// A library of the system, as a module map in `Sources`.
    static func system(name: String, pkgConfig: String, apt: String, tests: Tests) -> Row {
        Row(
            target: .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])]), tests: tests)
    }

    /// A program: a product, if that has a name, or else only for us.
    static func program(
        name: String, dependencies: [Target.Dependency], product: String? = nil, path: String? = nil,
        exclude: [String] = [], tests: Tests = .own()
    ) -> Row {
        Row(
            target: .executableTarget(
                name: name, dependencies: dependencies, path: path, exclude: exclude,
                swiftSettings: settings),
            products: product.map { [.executable(name: $0, targets: [name])] } ?? [], tests: tests)
    }

    /// A program that shows how something is done.
    static func example(
        name: String, dependencies: [Target.Dependency] = [], folder: String, exclude: [String] = [],
        tests: Tests
    ) -> Row {
        program(
            name: name, dependencies: ["MicroDefaults"] + dependencies, path: "Examples/\(folder)",
            exclude: exclude, tests: tests
        )
    }

    /// A library that tests share.
    static func support(
        name: String, dependencies: [Target.Dependency], path: String, tests: Tests
    ) -> Row {
        Row(
            target: .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings),
            tests: tests)
    }
}

let rows: [Row] = [
    // Layer 0: C.
    .inner(name: "CMicroPlugins", dependencies: [], tests: .by("MicroCoreTests")),
    .system(
        name: "CNghttp2", pkgConfig: "libnghttp2", apt: "libnghttp2-dev",
        tests: .by("MicroHTTP2Tests")),
    .system(name: "COpenSSL", pkgConfig: "openssl", apt: "libssl-dev", tests: .by("MicroTLSTests")),
    .system(name: "CZlib", pkgConfig: "zlib", apt: "zlib1g-dev", tests: .by("MicroTransportHTTP2Tests")),

    // Layer 1: the core.
    .library(
        name: "MicroCore", dependencies: ["CMicroPlugins"],
        resources: [.embedInCode("Plugins/Products.txt")]),

    // What plugins are built with, ours included.
    .library(name: "MicroPluginKit", dependencies: ["MicroCore", logging]),

    // Layer 2: shared wire libraries.
    .library(
        name: "MicroWire", dependencies: ["MicroCore"], tests: .own(resources: [.copy("Fixtures")])),
    .library(
        name: "MicroNIO",
        dependencies: ["MicroCore", "MicroPluginKit", "MicroInterfaces", logging, nioCore, nioPosix],
        tests: .by("MicroTransportHTTP2Tests")),
    .inner(
        name: "MicroInterfaces", dependencies: ["MicroCore", "MicroPluginKit"], tests: .by("MicroTests")),
    .inner(
        name: "MicroTLS", dependencies: ["MicroCore", "MicroPluginKit", "COpenSSL", logging, nioCore],
        tests: .own(["MicroTesting", inMemoryLogging, nioPosix, nioEmbedded])),
    .inner(
        name: "MicroHTTP2", dependencies: ["MicroNIO", "MicroTLS", "CNghttp2", nioCore, nioPosix],
        tests: .own()),
    .inner(
        name: "MicroGRPC",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroWire", "MicroNIO", "MicroTLS", "MicroHTTP2", "CZlib",
            logging,
            nioCore, nioPosix,
        ],
        tests: .by("HTTP2RulesTests")
    ),
    .inner(
        name: "MicroHTTP1",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroNIO", "MicroTLS", logging, nioCore, nioHTTP1, nioPosix,
        ],
        tests: .by("MicroBrokerHTTPTests")
    ),
    .library(
        name: "MicroNATS",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroNIO", "MicroTLS", "COpenSSL", logging, nioCore, nioPosix,
        ],
        tests: .by("MicroBrokerNATSTests")
    ),
    .library(
        name: "MicroDNS", dependencies: ["MicroCore", "MicroPluginKit", "MicroNIO", nioCore, nioPosix],
        tests: .own(["DNSTestSupport", "MicroTesting"])),
    .library(
        name: "MicroEtcd",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroHTTP2", "MicroGRPC", "MicroTLS", logging, swiftProtobuf,
        ],
        exclude: ["Protos"], tests: .own(["EtcdTestSupport", "MicroTesting"])),

    // Layer 3: the engine.
    .library(
        name: "Micro",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroWire", "MicroInterfaces", configuration, coreMetrics,
            logging, serviceLifecycle, tracing,
        ],
        tests: .own([
            "MicroCodecJSON", "MicroTransportMemory", "MicroRegistryMemory", "MicroBrokerMemory",
            "MicroServiceTesting", "MicroTesting", inMemoryLogging, inMemoryTracing,
            metricsTestKit,
        ])
    ),
    .library(
        name: "MicroProtobuf",
        dependencies: ["Micro", "MicroCore", "MicroCodecProtobuf", swiftProtobuf],
        exclude: ["Protos"],
        tests: .own(["MicroCodecJSON", "MicroTransportMemory", "MicroRegistryMemory", "MicroBrokerMemory"])
    ),

    // Layer 4: plugins.
    .library(
        name: "MicroRegistryMemory", dependencies: ["MicroCore", "MicroPluginKit"],
        tests: .by("MicroMemoryTests")),
    .library(
        name: "MicroRegistryMDNS",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroWire", "MicroDNS", "MicroNIO", "MicroInterfaces", "CZlib",
            logging, nioCore, nioPosix,
        ],
        tests: .own(
            ["DNSTestSupport", "MicroTesting", "greeter-service", inMemoryLogging],
            resources: [.copy("Scripts")])
    ),
    .library(
        name: "MicroRegistryEtcd",
        dependencies: ["MicroCore", "MicroPluginKit", "MicroWire", "MicroEtcd", logging],
        tests: .own([
            "EtcdTestSupport", "MicroTransportHTTP2", "MicroTesting", "MicroCLI", "greeter-service",
            "MicroDefaults", "Micro", inMemoryLogging,
        ])
    ),
    .library(
        name: "MicroTransportMemory", dependencies: ["MicroCore", "MicroPluginKit"],
        tests: .by("MicroMemoryTests")),
    .library(
        name: "MicroTransportHTTP2",
        dependencies: ["MicroCore", "MicroPluginKit", "MicroHTTP2", "MicroGRPC", "MicroTLS", logging],
        tests: .own(
            ["HTTP2TestPeer", "MicroNIO", "MicroTesting", nioCore, nioPosix, swiftProtobuf],
            resources: [.copy("Fixtures")])
    ),
    .library(
        name: "MicroBrokerMemory", dependencies: ["MicroCore", "MicroPluginKit"],
        tests: .by("MicroMemoryTests")),
    .library(
        name: "MicroBrokerHTTP",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroWire", "MicroHTTP1", "MicroInterfaces", "MicroTLS", logging,
        ],
        tests: .own(["MicroRegistryMemory", "MicroTesting", inMemoryLogging])
    ),
    .library(
        name: "MicroBrokerNATS",
        dependencies: ["MicroCore", "MicroPluginKit", "MicroWire", "MicroNATS", logging, nioCore],
        tests: .own(["MicroTesting", inMemoryLogging])
    ),
    .library(
        name: "MicroCodecJSON", dependencies: ["MicroCore", "MicroWire"], tests: .by("MicroCodecTests")),
    .library(
        name: "MicroCodecProtobuf", dependencies: ["MicroCore", "MicroWire", swiftProtobuf],
        tests: .by("MicroCodecTests")),

    // What a newcomer links, and what tests link.
    .library(
        name: "MicroDefaults",
        dependencies: [
            "Micro", "MicroCore", "MicroProtobuf", "MicroRegistryMDNS", "MicroRegistryMemory",
            "MicroTransportHTTP2", "MicroTransportMemory", "MicroBrokerHTTP", "MicroBrokerMemory",
            "MicroCodecJSON", "MicroCodecProtobuf", "MicroHealth", "MicroReflection", "MicroDebug",
        ],
        tests: .by("MicroCLITests")
    ),
    .library(
        name: "MicroTesting",
        dependencies: ["MicroCore", "MicroPluginKit", "MicroTestSupport", nioCore, nioPosix],
        tests: .by("MicroMemoryTests")),
    .library(
        name: "MicroServiceTesting",
        dependencies: [
            "Micro", "MicroCore", "MicroPluginKit", "MicroRegistryMemory", "MicroTransportMemory",
            "MicroBrokerMemory", inMemoryLogging, logging,
        ],
        tests: .own(["MicroCodecJSON", "MicroTesting"])),

    // Endpoints that a service has beside its own, once they are linked.
    .library(
        name: "MicroHealth",
        dependencies: ["Micro", "MicroCore", "MicroPluginKit", "MicroProtobuf", swiftProtobuf],
        exclude: ["Protos"], tests: .by("ServiceEndpointTests")),
    .library(
        name: "MicroReflection",
        dependencies: ["Micro", "MicroCore", "MicroProtobuf", logging, swiftProtobuf],
        exclude: ["Protos"], tests: .by("ServiceEndpointTests")),
    .library(
        name: "MicroDebug",
        dependencies: ["Micro", "MicroCore", "MicroPluginKit", "MicroProtobuf", logging, swiftProtobuf],
        exclude: ["Protos"], tests: .by("ServiceEndpointTests")),

    // Back ends of metrics.
    .library(
        name: "MicroMetricsPrometheus",
        dependencies: ["Micro", "MicroCore", "MicroPluginKit", "MicroHTTP1", coreMetrics, logging],
        tests: .own([
            "MicroTransportMemory", "MicroRegistryMemory", "MicroBrokerMemory", "MicroCodecJSON",
            "MicroTransportHTTP2", inMemoryLogging,
        ])),

    // Foreign programs, certificates and ports for our own tests.
    .inner(name: "MicroTestSupport", dependencies: []),

    // Layer 5: commands and programs.
    .library(
        name: "MicroCommands",
        dependencies: [
            "Micro", "MicroCore", "MicroPluginKit", "MicroWire", "MicroDebug", "MicroHealth", argumentParser,
            logging, nioPosix, swiftProtobuf, unixSignals,
        ],
        tests: .by("MicroCLITests")
    ),
    .program(
        name: "MicroCLI",
        dependencies: ["MicroCommands", "MicroDefaults", "MicroBrokerNATS", "MicroRegistryEtcd"],
        product: "micro", tests: .own(["protoc-gen-micro-swift", "MicroMetricsPrometheus"])
    ),
    .program(
        name: "protoc-gen-micro-swift", dependencies: [swiftProtobuf, protobufPluginLibrary],
        product: "protoc-gen-micro-swift", tests: .by("ServiceEndpointTests")),
    .example(
        name: "greeter-service", dependencies: ["MicroRegistryEtcd"], folder: "Greeter/Service",
        tests: .by("MicroCLITests")),
    .example(name: "greeter-client", folder: "Greeter/Client", tests: .command("make demo")),
    .example(
        name: "greeter-protobuf", dependencies: [swiftProtobuf], folder: "ProtobufGreeter",
        exclude: ["greeter.proto"], tests: .by("MicroCLITests")),
    .example(name: "streaming", folder: "Streaming", tests: .by("MicroCLITests")),
    .example(
        name: "pubsub", dependencies: ["MicroBrokerNATS"], folder: "PubSub", tests: .by("MicroCLITests")),
    .example(
        name: "route-guide", dependencies: [swiftProtobuf], folder: "RouteGuide",
        exclude: ["route_guide.proto"], tests: .by("ServiceEndpointTests")),

    // The gRPC project's interoperability test, both sides.
    .support(
        name: "InteropSupport",
        dependencies: [
            "MicroDefaults", "Micro", "MicroCore", "MicroRegistryMemory", "MicroTransportHTTP2",
            swiftProtobuf,
        ],
        path: "Interop/Support", tests: .by("InteropTests")),
    .program(
        name: "interop-server", dependencies: ["InteropSupport", "MicroDefaults", argumentParser],
        path: "Interop/Server", tests: .by("InteropTests")),
    .program(
        name: "interop-client", dependencies: ["InteropSupport", "MicroDefaults", argumentParser],
        path: "Interop/Client", tests: .by("InteropTests")),

    // Frames byte by byte, for the tests of everything that speaks HTTP/2.
    .support(
        name: "HTTP2TestPeer",
        dependencies: [
            "MicroTransportHTTP2", "MicroTestSupport", "MicroTLS", "MicroCore", "CNghttp2", nioCore, nioPosix,
        ],
        path: "Tests/HTTP2TestPeer", tests: .by("HTTP2RulesTests")),

    // What go-micro has sent, and bytes that chance has changed.
    .support(
        name: "DNSTestSupport", dependencies: [], path: "Tests/DNSTestSupport", tests: .by("MicroDNSTests")),

    // Real and scripted etcds.
    .support(
        name: "EtcdTestSupport",
        dependencies: ["MicroEtcd", "MicroTransportHTTP2", "MicroTestSupport", "MicroCore"],
        path: "Tests/EtcdTestSupport", tests: .by("MicroEtcdTests")),

    // A service of which FleetTests starts, stops and kills instances.
    .program(
        name: "fleet-service", dependencies: ["MicroDefaults", "MicroRegistryEtcd"],
        path: "Tests/FleetService",
        tests: .by("FleetTests")),

    // What `make linkage` looks at: a program on the core, the plugin kit and go-micro's formats alone.
    .program(
        name: "linkage-probe", dependencies: ["MicroCore", "MicroPluginKit", "MicroWire"],
        path: "Tests/LinkageProbe",
        tests: .command("make linkage")),

    // Code generated from a file whose names mean something in Swift: it need only compile.
    .support(
        name: "GeneratedClashes", dependencies: ["MicroProtobuf", swiftProtobuf],
        path: "Tests/GeneratedClashes", tests: .command("make test")),
]

/// What a test target links beside what it tests, and its resources.
struct TestTarget {
    var more: [Target.Dependency] = []
    var resources: [Resource] = []
    var tested: [Row] = []
}

/// The test targets that several rows share.
var testTargets: [String: TestTarget] = [
    // Instances of a service in processes of their own, which restart, die, freeze and can't be reached.
    "FleetTests": TestTarget(
        more: [
            "Micro", "MicroCore", "MicroPluginKit", "MicroTransportHTTP2", "MicroTesting", "EtcdTestSupport",
        ]),
    "HTTP2RulesTests": TestTarget(more: [inMemoryLogging, nioEmbedded]),
    "InteropTests": TestTarget(),
    "MicroCodecTests": TestTarget(more: ["MicroTesting"]),
    "MicroMemoryTests": TestTarget(),
    // What the sources say of themselves: imports, and the order of folders.
    "SourceTreeTests": TestTarget(),
    "ServiceEndpointTests": TestTarget(
        more: ["MicroDefaults", "MicroCLI", "MicroMetricsPrometheus", protocGenSwift],
        resources: [.copy("Golden"), .copy("Protos"), .copy("Scripts")]),
]
for row in rows {
    switch row.tests {
    case .own(let more, let resources):
        testTargets["\(row.target.name)Tests", default: TestTarget()].more += more
        testTargets["\(row.target.name)Tests", default: TestTarget()].resources += resources
        testTargets["\(row.target.name)Tests", default: TestTarget()].tested.append(row)
    case .by(let name):
        testTargets[name, default: TestTarget()].tested.append(row)
    case .command:
        break
    }
}

/// A test target links what it tests, all that this links, and what tests stand on.
func testTarget(_ name: String, _ row: TestTarget) -> Target {
    var dependencies = row.tested.map { Target.Dependency.byName(name: $0.target.name) }
    dependencies += row.tested.flatMap(\.target.dependencies)
    dependencies += ["MicroTestSupport"] + row.more
    var seen: Set<String> = []
    return .testTarget(
        name: name, dependencies: dependencies.filter { seen.insert("\($0)").inserted },
        resources: row.resources, swiftSettings: settings)
}

let package = Package(
    name: "swift-micro",
    // Where Synchronization's types begin. Linux is where all this is built and tested.
    platforms: [.macOS(.v15)],
    products: rows.flatMap(\.products),
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: rows.map(\.target) + testTargets.sorted { $0.key < $1.key }.map(testTarget)
)

// `make test TESTS=MicroCoreTests,MicroTests` leaves the other tests out: for building them, most of a change's
// time is spent.
if let names = Context.environment["MICRO_TESTS"], !names.isEmpty {
    let wanted = Set(names.split(separator: ",").map(String.init))
    package.targets.removeAll { $0.type == .test && !wanted.contains($0.name) }
}

if isFuzzing {
    package.targets += [
        .systemLibrary(name: "CLibFuzzer", path: "Fuzz/CLibFuzzer"),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CLibFuzzer", "MicroCore", "MicroPluginKit", "MicroWire", "MicroDNS", "MicroEtcd",
                "MicroHTTP2", "MicroGRPC",
                "MicroRegistryMDNS", "MicroRegistryEtcd", "MicroNATS", "MicroBrokerHTTP", "MicroCodecJSON",
                logging, nioCore, nioEmbedded, swiftProtobuf,
            ], path: "Fuzz", exclude: ["CLibFuzzer", "run"], swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    ]
}
