import ArgumentParser

/// What the etcd registry costs, beside etcd's own client; `harness/etcd.py` runs it.
@main
struct EtcdBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "etcd-bench", subcommands: [Fill.self, List.self, Watch.self])
}

/// Where etcd is.
struct Target: ParsableArguments {
    @Option(help: "The etcd, as host:port.")
    var address: String
}
