internal import MicroCore

/// What the nodes of a service have answered, as a table for each version.
struct NodeReport {
    private let columns: [String]
    private var rows: [(version: String, cells: [String])] = []

    /// The first status of a node that isn't well.
    private(set) var failure: ExitStatus?

    init(columns: [String]) { self.columns = ["NODE", "ADDRESS"] + columns }

    /// Adds what a node has answered.
    mutating func add(_ target: NodeTarget, _ cells: [String], failure: ExitStatus? = nil) {
        rows.append((target.version, [target.id, target.address] + cells))
        if self.failure == nil { self.failure = failure }
    }

    /// Adds why a node could not be asked.
    mutating func add(_ target: NodeTarget, _ error: any Error, endpoint: String) {
        let (reason, status) = Self.explain(error, endpoint: endpoint)
        add(target, [reason], failure: status)
    }

    /// The whole text.
    func text(service: String) -> String {
        var text = "service  \(service.printable())\n"
        let versions = rows.reduce(into: [String]()) { versions, row in
            if !versions.contains(row.version) { versions.append(row.version) }
        }
        for version in versions {
            text += version.isEmpty ? "\n" : "\nversion \(version.printable())\n\n"
            let cells = rows.filter { $0.version == version }.map { $0.cells.map { $0.printable() } }
            text += PluginTable.aligned([columns] + cells)
        }
        return text
    }

    /// Says why a node gave no answer, in the user's terms.
    static func explain(_ error: any Error, endpoint: String) -> (reason: String, status: ExitStatus) {
        guard let error = error as? MicroError else { return ("\(error)", .other) }
        guard error.rpcStatus == .unimplemented else { return (error.detail, ExitStatus(error)) }
        return (
            "\(endpoint) is not served: the service doesn't link it, or has switched it off", .unknownMethod
        )
    }
}
