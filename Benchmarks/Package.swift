// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let argumentParser: Target.Dependency =
    .product(name: "ArgumentParser", package: "swift-argument-parser")
let swiftProtobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")

/// A product of the framework.
func micro(_ name: String) -> Target.Dependency { .product(name: name, package: "swift-micro") }

// A package of its own, so that what only benchmarks need stays out of the framework's manifest.
let package = Package(
    name: "swift-micro-benchmarks",
    dependencies: [
        .package(name: "swift-micro", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
    ],
    targets: [
        .target(
            name: "EchoMessages", dependencies: [micro("MicroProtobuf"), swiftProtobuf],
            swiftSettings: settings),
        .executableTarget(
            name: "echo-server",
            dependencies: [
                "EchoMessages", micro("Micro"), micro("MicroCore"), micro("MicroMetricsPrometheus"),
                micro("MicroProtobuf"), micro("MicroRegistryMemory"), micro("MicroTransportHTTP2"),
                argumentParser, swiftProtobuf,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "transport-echo",
            dependencies: [
                "EchoMessages", micro("MicroCore"), micro("MicroTransportHTTP2"), argumentParser,
                swiftProtobuf,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "echo-client",
            dependencies: [
                "EchoMessages", micro("Micro"), micro("MicroCore"), micro("MicroProtobuf"),
                micro("MicroRegistryMemory"), micro("MicroTransportHTTP2"), argumentParser, swiftProtobuf,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "overload-bench",
            dependencies: [
                micro("Micro"), micro("MicroCodecJSON"), micro("MicroCore"), micro("MicroRegistryMemory"),
                micro("MicroTransportHTTP2"), argumentParser,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "etcd-bench",
            dependencies: [micro("MicroCore"), micro("MicroRegistryEtcd"), argumentParser],
            swiftSettings: settings),
        .executableTarget(
            name: "nats-bench",
            dependencies: [
                micro("MicroBrokerNATS"), micro("MicroCore"), micro("MicroNATS"), argumentParser,
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: settings),
    ]
)
