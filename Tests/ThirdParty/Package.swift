// swift-tools-version: 6.2
import PackageDescription

// A package of somebody else's, which adds a role to the framework, a plugin that fills it, commands of `micro`, and a
// `micro` that has all of these. `make samples` compiles it against the modules of a debug build and runs the programs;
// as a package of its own it would build all of them again.
let package = Package(
    name: "acme-store",
    products: [
        .library(name: "AcmeStore", targets: ["AcmeStore"]),
        .library(name: "AcmeStoreMemory", targets: ["AcmeStoreMemory"]),
        .library(name: "AcmeCommands", targets: ["AcmeCommands"]),
        .executable(name: "micro", targets: ["micro"]),
    ],
    dependencies: [.package(name: "swift-micro", path: "../..")],
    targets: [
        .target(name: "AcmeStore", dependencies: [.product(name: "MicroCore", package: "swift-micro")]),
        .target(
            name: "AcmeStoreMemory",
            dependencies: [
                "AcmeStore", .product(name: "MicroCore", package: "swift-micro"),
                .product(name: "MicroPluginKit", package: "swift-micro"),
            ]),
        .target(
            name: "AcmeCommands",
            dependencies: ["AcmeStore", .product(name: "MicroCommands", package: "swift-micro")]),
        .target(name: "AcmeClash", dependencies: [.product(name: "MicroCommands", package: "swift-micro")]),
        .executableTarget(
            name: "micro",
            dependencies: [
                "AcmeCommands", "AcmeStoreMemory", .product(name: "MicroCommands", package: "swift-micro"),
                .product(name: "MicroDefaults", package: "swift-micro"),
            ]),
        .executableTarget(
            name: "notes",
            dependencies: [
                "AcmeStore", "AcmeStoreMemory", .product(name: "MicroDefaults", package: "swift-micro"),
            ]),
    ]
)
