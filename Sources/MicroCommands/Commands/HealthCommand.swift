internal import ArgumentParser
internal import Micro
public import MicroCore
internal import MicroDebug
internal import MicroHealth
internal import SwiftProtobuf

/// `micro health`.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Asks each node of a service whether it can be given calls.",
        discussion: """
            Asks by gRPC's health protocol, and a node that doesn't have it by
            go-micro's Debug.Health. The exit status is 0 if all nodes are ok.

              micro health greeter
              micro health greeter --address 127.0.0.1:9090
              micro health greeter -o json
            """)

    @OptionGroup var nodes: NodeArguments
    @OptionGroup var output: OutputOption
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let format = output.format
        try await nodes.report(global, format, columns: ["STATUS"], endpoint: "health") { client, target in
            let status = try await Self.status(of: target, client)
            return NodeAnswers(
                all: [.init(text: status, key: "status", value: .string(status))],
                failure: status == "ok" ? nil : .framework)
        }
    }

    private static func status(of target: NodeTarget, _ client: MicroClient) async throws -> String {
        try await target.ask { options in
            do {
                let health = Grpc_Health_V1_Health.Client(client, service: target.service)
                let state = try await health.check(.init(), options: options).status
                return state == .serving ? "ok" : "not serving"
            } catch let error as MicroError where error.status == .unimplemented {
                let debug = Debug_Debug.Client(client, service: target.service)
                return try await debug.health(.init(), options: options).status
            }
        }
    }
}

extension Plugin {
    /// `micro health`.
    public static var healthCommand: Self {
        Plugin(.command, "health") { _ in Command(HealthCommand.self, position: 80) }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .healthCommand }
