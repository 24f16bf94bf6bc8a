// swift-tools-version: 6.2
import PackageDescription

// A package of somebody else's, which adds a role to the framework, and a plugin that fills it. `make samples` compiles
// it against the modules of a debug build and runs `notes`; as a package of its own it would build all of them again.
let package = Package(
    name: "acme-store",
    products: [
        .library(name: "AcmeStore", targets: ["AcmeStore"]),
        .library(name: "AcmeStoreMemory", targets: ["AcmeStoreMemory"]),
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
        .executableTarget(
            name: "notes",
            dependencies: [
                "AcmeStore", "AcmeStoreMemory", .product(name: "MicroDefaults", package: "swift-micro"),
            ]),
    ]
)
