import Testing

/// The folders of a target, so ordered that each one stands on those in front of it.
struct FolderOrder: CustomTestStringConvertible {
    /// The name of the target.
    let target: String

    /// The folders, the lowest one first; `.` is the target's folder itself.
    let folders: [String]

    var testDescription: String { target }

    /// The targets whose folders form a line.
    static let all = [
        FolderOrder(
            target: "MicroCore",
            folders: [
                "Text", "Metadata", "Errors", "Settings", "Security", "Plugins", "Registry",
                "Calls", "Selection", "Codec", "Broker",
            ]),
        FolderOrder(
            target: "MicroPluginKit", folders: ["Text", "Security", "Concurrency", "Registry", "Broker"]),
        FolderOrder(target: "MicroWire", folders: ["JSON", "Formats"]),
        FolderOrder(target: "MicroDNS", folders: ["Messages", "Resolver"]),
        FolderOrder(
            target: "MicroGRPC", folders: ["Fields", "GRPC", "Compression", "Calls", "Client", "Server"]),
        FolderOrder(target: "MicroHTTP2", folders: ["Fields", "Limits", "Connection"]),
        FolderOrder(
            target: "MicroNATS",
            folders: ["Protocol", "Security", "Connection", "Machine", "Client", "JetStream"]),
        FolderOrder(
            target: "MicroEtcd", folders: ["Generated", "Values", "Link", "Client", "Leases", "Watch"]),
        FolderOrder(target: "MicroRegistryEtcd", folders: ["Keys", "Nodes", "Watch", "."]),
        FolderOrder(target: "MicroRegistryMDNS", folders: ["Records", "Machines", "IO", "."]),
        FolderOrder(
            target: "Micro",
            folders: [
                "Support", "Retries", "Overload", "Configuration", "Logging", "Calls", "Parts", "Settings",
                "Selection", "Observability",
                "Client", "Publishing", "Server",
                "Events",
                "Components", "Service", ".",
            ]),
        FolderOrder(
            target: "MicroCommands",
            folders: [
                "JSON", "Tree", "Failures", "Text", "Output", "Options", "Session", "Requests", "Nodes",
                "Commands",
                ".",
            ]),
    ]
}
