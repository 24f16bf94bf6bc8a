internal import MicroCore
internal import MicroEtcd
internal import MicroPluginKit

/// The parts of a registry that was set up.
struct EtcdCore: Sendable {
    let client: EtcdClient
    let layout: KeyLayout
    let registrar: Registrar
    let watches: WatchSet
    let unreadable = UnreadableKeys()

    /// How long giving the leases back may take at the end.
    private static let revocationLimit = Duration.seconds(2)

    /// Sets the parts up.
    ///
    /// - Parameters:
    ///   - configuration: How.
    ///   - directory: What receives the nodes.
    ///   - clock: The clock on which times to live and pauses pass.
    /// - Throws: A ``StartError`` that names the address or file that can't be used.
    init(
        _ configuration: EtcdRegistry.Configuration, directory: RegistryDirectory,
        clock: any Clock<Duration> = ContinuousClock()
    ) throws(StartError) {
        try configuration.check()
        let endpoints = try configuration.endpoints()
        layout = KeyLayout(prefix: configuration.prefix)
        client = try EtcdClient(
            configuration: EtcdConfiguration(
                endpoints: endpoints, credentials: configuration.credentials, tls: configuration.tls,
                timeout: configuration.timeout, probe: layout.all, naming: Self.naming),
            clock: clock)
        registrar = Registrar(client, layout: layout)
        watches = WatchSet(client, layout: layout, directory: directory, unreadable: unreadable)
        Self.warn(configuration, endpoints)
    }

    /// What the client calls the registry and its settings in errors.
    private static let naming = EtcdConfiguration.Naming(
        client: "The etcd registry", credentials: "MICRO_REGISTRY_USER and MICRO_REGISTRY_PASSWORD",
        keys: "the keys of MICRO_REGISTRY_PREFIX")

    /// Warns of what others can read or fake.
    private static func warn(_ configuration: EtcdRegistry.Configuration, _ endpoints: [EtcdEndpoint]) {
        SecurityWarning.unverified(configuration.tls, "the registry's etcd")
        if let plain = endpoints.first(where: { $0.isSecure != true && !$0.isLocal }) {
            SecurityWarning.logPlaintext(
                "etcd is spoken to", at: plain.address, advice: "Write https:// in front of its address.")
        }
    }

    /// Does all background work until the task is cancelled, and then gives the leases back.
    ///
    /// - Throws: A ``StartError`` if etcd refuses us at the start.
    func run() async throws {
        let stop = Latch()
        try await withTaskCancellationHandler {
            // Cancellation would end the connection together with those who take their leave through it. Here
            // it becomes a request to stop in order. The task is awaited at once and has ended when this
            // function returns, so it is as good as a child.
            try await Task { try await runUntil(stop) }.value
        } onCancel: {
            stop.open()
        }
    }

    private func runUntil(_ stop: Latch) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Keeps the connection until the other task, which needs it, has ended, or throws at the start.
            group.addTask { try await client.run() }
            // Works until it is told to stop, or the connection can't be had at all.
            group.addTask {
                await withTaskGroup(of: Void.self) { work in
                    work.addTask { await registrar.run() }
                    work.addTask { await watches.run() }
                    work.addTask { await stop.wait() }
                    await work.next()
                    work.cancelAll()
                }
                await registrar.revokeLeases(until: .now + Self.revocationLimit)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
