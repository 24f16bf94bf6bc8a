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

// The libraries outside, by the name that a target uses.
let argumentParser: Target.Dependency =
    .product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration: Target.Dependency =
    .product(name: "Configuration", package: "swift-configuration")
let inMemoryLogging: Target.Dependency = .product(name: "InMemoryLogging", package: "swift-log")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let serviceLifecycle: Target.Dependency =
    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency =
    .product(name: "UnixSignals", package: "swift-service-lifecycle")
let swiftProtobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let protocGenSwift: Target.Dependency =
    .product(name: "protoc-gen-swift", package: "swift-protobuf")
let protobufPluginLibrary: Target.Dependency =
    .product(name: "SwiftProtobufPluginLibrary", package: "swift-protobuf")

/// A library target of ours, which is also a product of its own name when `isProduct`.
struct Library {
    var name: String
    var dependencies: [Target.Dependency]
    var isProduct = true
    var exclude: [String] = []

    var target: Target {
        .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
    }
}

let libraries: [Library] = [
    // Floor 1: the core.
    Library(name: "MicroCore", dependencies: ["CMicroPlugins", configuration, logging]),

    // What plugins are built with, ours included.
    Library(name: "MicroPluginKit", dependencies: ["MicroCore", logging]),

    // Floor 2: shared wire libraries.
    Library(name: "MicroNIO", dependencies: ["MicroCore", "MicroPluginKit", logging, nioCore, nioPosix]),
    Library(name: "MicroInterfaces", dependencies: ["MicroCore", "MicroPluginKit"], isProduct: false),
    Library(name: "MicroTLS", dependencies: ["MicroCore", "COpenSSL", nioCore], isProduct: false),
    Library(
        name: "MicroGRPC",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroNIO", "MicroTLS", "CNghttp2", "CZlib", logging, nioCore,
            nioPosix,
        ],
        isProduct: false
    ),
    Library(
        name: "MicroHTTP1",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroNIO", "MicroTLS", logging, nioCore, nioHTTP1, nioPosix,
        ],
        isProduct: false
    ),
    Library(
        name: "MicroNATS",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroNIO", "MicroTLS", "COpenSSL", logging, nioCore, nioPosix,
        ]
    ),

    // Floor 3: the engine.
    Library(
        name: "Micro",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroInterfaces", configuration, logging, serviceLifecycle,
            unixSignals,
        ]
    ),
    Library(
        name: "MicroProtobuf",
        dependencies: ["Micro", "MicroCore", "MicroCodecProtobuf", swiftProtobuf],
        exclude: ["Protos"]
    ),

    // Floor 4: plugins.
    Library(name: "MicroRegistryMemory", dependencies: ["MicroCore", "MicroPluginKit"]),
    Library(
        name: "MicroRegistryMDNS",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroNIO", "MicroInterfaces", "CZlib", configuration, logging,
            nioCore, nioPosix,
        ]
    ),
    Library(
        name: "MicroRegistryEtcd",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroGRPC", "MicroTLS", configuration, logging, swiftProtobuf,
        ],
        exclude: ["Protos"]
    ),
    Library(name: "MicroTransportMemory", dependencies: ["MicroCore", "MicroPluginKit"]),
    Library(
        name: "MicroTransportHTTP2",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroGRPC", "MicroNIO", "MicroTLS", configuration, logging,
            nioCore,
        ]
    ),
    Library(name: "MicroBrokerMemory", dependencies: ["MicroCore", "MicroPluginKit", logging]),
    Library(
        name: "MicroBrokerHTTP",
        dependencies: [
            "MicroCore", "MicroPluginKit", "MicroHTTP1", "MicroNIO", "MicroInterfaces", "MicroTLS",
            configuration, logging,
            nioCore,
        ]
    ),
    Library(
        name: "MicroBrokerNATS",
        dependencies: ["MicroCore", "MicroPluginKit", "MicroNATS", configuration, logging, nioCore]
    ),
    Library(name: "MicroCodecJSON", dependencies: ["MicroCore"]),
    Library(name: "MicroCodecProtobuf", dependencies: ["MicroCore", swiftProtobuf]),

    // What a newcomer links, and what tests link.
    Library(
        name: "MicroDefaults",
        dependencies: [
            "Micro", "MicroProtobuf", "MicroRegistryMDNS", "MicroRegistryMemory",
            "MicroTransportHTTP2", "MicroTransportMemory", "MicroBrokerHTTP", "MicroBrokerMemory",
            "MicroCodecJSON", "MicroCodecProtobuf", "MicroHealth", "MicroReflection", "MicroDebug",
        ]
    ),
    Library(name: "MicroTesting", dependencies: ["MicroCore", "MicroPluginKit", configuration]),

    // Endpoints that a service has beside its own, once they are linked.
    Library(
        name: "MicroHealth",
        dependencies: ["Micro", "MicroCore", "MicroPluginKit", "MicroProtobuf", swiftProtobuf],
        exclude: ["Protos"]),
    Library(
        name: "MicroReflection",
        dependencies: ["Micro", "MicroCore", "MicroProtobuf", logging, swiftProtobuf],
        exclude: ["Protos"]),
    Library(
        name: "MicroDebug",
        dependencies: [
            "Micro", "MicroCore", "MicroPluginKit", "MicroProtobuf", configuration, logging, swiftProtobuf,
        ],
        exclude: ["Protos"]),

    // Foreign programs, certificates and ports for our own tests.
    Library(name: "MicroTestSupport", dependencies: [], isProduct: false),
]

/// The tests of a target, or of a few that belong together.
func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

/// A program that shows how something is done.
func example(
    _ name: String, _ path: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []
) -> Target {
    .executableTarget(
        name: name, dependencies: ["MicroDefaults"] + dependencies, path: "Examples/\(path)",
        exclude: exclude, swiftSettings: settings)
}

let package = Package(
    name: "swift-micro",
    products: libraries.filter(\.isProduct).map { .library(name: $0.name, targets: [$0.name]) } + [
        .executable(name: "micro", targets: ["MicroCLI"]),
        .executable(name: "protoc-gen-micro-swift", targets: ["protoc-gen-micro-swift"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: libraries.map(\.target) + [
        // Floor 0: C.
        .target(name: "CMicroPlugins"),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Floor 5: programs.
        .executableTarget(
            name: "MicroCLI",
            dependencies: [
                "MicroDefaults", "Micro", "MicroCore", "MicroPluginKit", "MicroBrokerNATS", "MicroDebug",
                "MicroHealth",
                "MicroRegistryEtcd", argumentParser, logging, nioPosix, swiftProtobuf, unixSignals,
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "protoc-gen-micro-swift", dependencies: [swiftProtobuf, protobufPluginLibrary],
            swiftSettings: settings
        ),
        example("greeter-service", "Greeter/Service", ["MicroRegistryEtcd"]),
        example("greeter-client", "Greeter/Client"),
        example("greeter-protobuf", "ProtobufGreeter", [swiftProtobuf], exclude: ["greeter.proto"]),
        example("streaming", "Streaming"),
        example("pubsub", "PubSub", ["MicroBrokerNATS"]),
        example("route-guide", "RouteGuide", [swiftProtobuf], exclude: ["route_guide.proto"]),

        // The gRPC project's interoperability test, both sides.
        .target(
            name: "InteropSupport",
            dependencies: [
                "MicroDefaults", "Micro", "MicroCore", "MicroRegistryMemory", "MicroTransportHTTP2",
                swiftProtobuf,
            ],
            path: "Interop/Support", swiftSettings: settings),
        .executableTarget(
            name: "interop-server", dependencies: ["InteropSupport", "MicroDefaults", argumentParser],
            path: "Interop/Server", swiftSettings: settings),
        .executableTarget(
            name: "interop-client", dependencies: ["InteropSupport", "MicroDefaults", argumentParser],
            path: "Interop/Client", swiftSettings: settings),

        // Frames byte by byte, for the tests of everything that speaks HTTP/2.
        .target(
            name: "HTTP2TestPeer",
            dependencies: ["MicroTransportHTTP2", "MicroTLS", "MicroCore", "CNghttp2", nioCore, nioPosix],
            path: "Tests/HTTP2TestPeer", swiftSettings: settings),

        // What `make linkage` looks at: a program on the core and the plugin kit alone.
        .executableTarget(
            name: "linkage-probe", dependencies: ["MicroCore", "MicroPluginKit"], path: "Tests/LinkageProbe",
            swiftSettings: settings),

        tests(
            "MicroCLITests",
            [
                "MicroCLI", "MicroDefaults", "Micro", "MicroTestSupport", "MicroCore", "greeter-service",
                "protoc-gen-micro-swift", "greeter-protobuf", "pubsub", "streaming", argumentParser,
            ]),
        tests("MicroCoreTests", ["MicroCore", configuration], resources: [.copy("Fixtures")]),
        tests("MicroPluginKitTests", ["MicroPluginKit", "MicroCore"]),
        tests(
            "MicroTests",
            [
                "Micro", "MicroCore", "MicroPluginKit", "MicroInterfaces", "MicroCodecJSON",
                "MicroTransportMemory",
                "MicroRegistryMemory", "MicroBrokerMemory", configuration, inMemoryLogging, logging,
                serviceLifecycle,
            ]),
        tests(
            "MicroProtobufTests",
            [
                "MicroProtobuf", "Micro", "MicroCore", "MicroCodecJSON", "MicroCodecProtobuf",
                "MicroTransportMemory",
                "MicroRegistryMemory", "MicroBrokerMemory", swiftProtobuf,
            ]),
        tests(
            "MicroMemoryTests",
            [
                "MicroRegistryMemory", "MicroTransportMemory", "MicroBrokerMemory", "MicroTesting",
                "MicroCore", "MicroPluginKit", configuration,
            ]),
        tests(
            "MicroBrokerHTTPTests",
            [
                "MicroBrokerHTTP", "MicroHTTP1", "MicroRegistryMemory", "MicroTesting", "MicroTestSupport",
                "MicroCore", "MicroPluginKit", configuration, inMemoryLogging, logging, nioCore,
            ]),
        tests(
            "MicroBrokerNATSTests",
            [
                "MicroBrokerNATS", "MicroNATS", "MicroTesting", "MicroTestSupport", "MicroCore",
                configuration, inMemoryLogging, logging, nioCore,
            ]),
        tests(
            "MicroRegistryEtcdTests",
            [
                "MicroRegistryEtcd", "MicroTransportHTTP2", "MicroTesting", "MicroTestSupport", "MicroCore",
                "MicroPluginKit",
                "MicroCLI", "greeter-service", "MicroDefaults", "Micro", configuration, inMemoryLogging,
                logging,
            ]),
        tests(
            "ServiceEndpointTests",
            [
                "MicroHealth", "MicroReflection", "MicroDebug", "MicroDefaults", "MicroInterfaces",
                "MicroTestSupport", "GeneratedClashes", "MicroCLI", "protoc-gen-micro-swift", "route-guide",
                logging, protocGenSwift, swiftProtobuf,
            ],
            resources: [.copy("Golden"), .copy("Protos"), .copy("Scripts")]),
        // Code generated from a file whose names mean something in Swift: it need only compile.
        .target(
            name: "GeneratedClashes", dependencies: ["MicroProtobuf", swiftProtobuf],
            path: "Tests/GeneratedClashes", swiftSettings: settings),
        tests(
            "InteropTests",
            [
                "InteropSupport", "interop-server", "interop-client", "MicroTestSupport", "MicroDefaults",
                "Micro", "MicroCore", "MicroTransportHTTP2",
            ]),
        tests(
            "HTTP2RulesTests",
            [
                "HTTP2TestPeer", "MicroGRPC", "MicroTransportHTTP2", "MicroNIO", "MicroTestSupport",
                "MicroCore", configuration, inMemoryLogging, logging, nioCore, nioEmbedded, nioPosix,
            ]),
        tests(
            "MicroCodecTests",
            ["MicroCodecJSON", "MicroCodecProtobuf", "MicroTesting", "MicroCore", swiftProtobuf]),
        tests(
            "MicroTLSTests",
            ["MicroTLS", "MicroTestSupport", "MicroCore", "COpenSSL", nioCore, nioPosix, nioEmbedded]),
        tests(
            "MicroRegistryMDNSTests",
            [
                "MicroRegistryMDNS", "MicroInterfaces", "MicroTesting", "MicroTestSupport", "MicroCore",
                "MicroPluginKit",
                "greeter-service", configuration, inMemoryLogging, logging, nioCore,
            ],
            resources: [.copy("Scripts")]),
        tests(
            "MicroTransportHTTP2Tests",
            [
                "HTTP2TestPeer", "MicroTransportHTTP2", "MicroGRPC", "MicroNIO", "MicroTesting",
                "MicroTestSupport", "MicroCore", "CNghttp2", logging, nioCore, nioPosix, swiftProtobuf,
            ], resources: [.copy("Fixtures")]),
    ]
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
                "CLibFuzzer", "MicroCore", "MicroGRPC", "MicroRegistryMDNS", "MicroRegistryEtcd", "MicroNATS",
                "MicroBrokerHTTP", "MicroCodecJSON", logging, nioCore, nioEmbedded, swiftProtobuf,
            ], path: "Fuzz", exclude: ["CLibFuzzer", "run"], swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    ]
}
