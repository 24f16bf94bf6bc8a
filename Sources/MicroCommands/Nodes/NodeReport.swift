internal import MicroCore

/// What the nodes of a service have answered: a table for each version, or JSON.
struct NodeReport {
    /// One thing that a node has answered.
    struct Answer {
        /// For people.
        let text: String

        /// For programs.
        let key: String
        let value: JSONValue
    }

    private struct Row {
        let target: NodeTarget
        let cells: [String]
        let fields: [(key: String, value: JSONValue)]
    }

    private let columns: [String]
    private var rows: [Row] = []

    /// The first status of a node that isn't well.
    private(set) var failure: ExitStatus?

    init(columns: [String]) { self.columns = ["NODE", "ADDRESS"] + columns }

    /// Adds what a node has answered.
    mutating func add(_ target: NodeTarget, _ answers: [Answer], failure: ExitStatus? = nil) {
        rows.append(
            Row(target: target, cells: answers.map(\.text), fields: answers.map { ($0.key, $0.value) }))
        if self.failure == nil { self.failure = failure }
    }

    /// Adds why a node could not be asked.
    mutating func add(_ target: NodeTarget, _ error: any Error, endpoint: String) {
        let (reason, status) = Self.explain(error, endpoint: endpoint)
        add(target, [Answer(text: reason, key: "error", value: .string(reason))], failure: status)
    }

    /// The whole report for programs.
    func json(service: String) -> JSONValue {
        .object([
            ("service", .string(service)),
            (
                "nodes",
                .list(
                    rows.map { row in
                        .object(
                            [
                                ("id", .string(row.target.id)), ("address", .string(row.target.address)),
                                ("version", .string(row.target.version)),
                            ] + row.fields)
                    })
            ),
        ])
    }

    /// The whole text.
    func text(service: String) -> String {
        var text = "service  \(service.printable())\n"
        let versions = rows.reduce(into: [String]()) { versions, row in
            if !versions.contains(row.target.version) { versions.append(row.target.version) }
        }
        for version in versions {
            text += version.isEmpty ? "\n" : "\nversion \(version.printable())\n\n"
            let cells = rows.filter { $0.target.version == version }.map { row in
                ([row.target.id, row.target.address] + row.cells).map { $0.printable() }
            }
            text += TextTable.aligned([columns] + cells)
        }
        return text
    }

    /// Says why a node gave no answer, in the user's terms.
    static func explain(_ error: any Error, endpoint: String) -> (reason: String, status: ExitStatus) {
        if let error = error as? UnspokenProtocol { return (error.description, .framework) }
        guard let error = error as? MicroError else { return ("\(error)", .other) }
        guard error.status == .unimplemented else { return (error.detail, ExitStatus(error)) }
        return (
            "\(endpoint) is not served: the service doesn't link it, or has switched it off", .unknownMethod
        )
    }
}
