/// The engine's metrics.
///
/// Names follow OpenTelemetry's semantic conventions 1.45.0: those for RPC (stable) and for messaging and processes
/// (in development). The sizes of messages have the names of 1.37.0, since later versions have none. Nothing there names
/// the calls in flight, which are called as `http.server.active_requests` is; what has no name at all begins with `micro.`.
extension MetricDescription {
    private static let serverLabels = [MetricLabels.service, MetricLabels.system, MetricLabels.method]
    private static let clientLabels = serverLabels + [MetricLabels.server]
    private static let messageLabels = [MetricLabels.service, MetricLabels.broker, MetricLabels.topic]

    static let serverDuration = MetricDescription(
        "rpc.server.call.duration", .histogram, unit: "s", labels: serverLabels + [MetricLabels.status],
        buckets: secondsBuckets,
        "how long calls took that arrived, from the complete request to the end of the answer, by status")
    static let serverActive = MetricDescription(
        "rpc.server.active_requests", .gauge, unit: "{request}", labels: serverLabels,
        "the calls that are being answered")
    static let serverRequestSize = MetricDescription(
        "rpc.server.request.size", .histogram, unit: "By", labels: serverLabels, buckets: byteBuckets,
        "the sizes of messages that arrived, uncompressed; each message of a stream counts")
    static let serverResponseSize = MetricDescription(
        "rpc.server.response.size", .histogram, unit: "By", labels: serverLabels, buckets: byteBuckets,
        "the sizes of messages that were answered, uncompressed; each message of a stream counts")
    static let serverLimit = MetricDescription(
        "micro.server.limit", .gauge, unit: "{request}", labels: serverLabels,
        "how many calls of an endpoint may be in flight; it is there only while there is a limit")
    static let serverQueued = MetricDescription(
        "micro.server.queued", .gauge, unit: "{request}", labels: serverLabels,
        "the calls that wait until others have ended")
    static let serverRefused = MetricDescription(
        "micro.server.refused", .counter, unit: "{request}", labels: serverLabels + [MetricLabels.reason],
        "the calls that were refused before their handlers began: `overload`, `concurrency`, `deadline`, `rate` or `caller_rate`"
    )

    static let clientDuration = MetricDescription(
        "rpc.client.call.duration", .histogram, unit: "s", labels: clientLabels + [MetricLabels.status],
        buckets: secondsBuckets, "how long calls took that were made, with all attempts, by status")
    static let clientActive = MetricDescription(
        "rpc.client.active_requests", .gauge, unit: "{request}", labels: clientLabels,
        "the calls that wait for an answer")
    static let clientRequestSize = MetricDescription(
        "rpc.client.request.size", .histogram, unit: "By", labels: clientLabels, buckets: byteBuckets,
        "the sizes of requests, uncompressed; each message of a stream counts")
    static let clientResponseSize = MetricDescription(
        "rpc.client.response.size", .histogram, unit: "By", labels: clientLabels, buckets: byteBuckets,
        "the sizes of answers, uncompressed; each message of a stream counts")
    static let clientRetries = MetricDescription(
        "micro.client.retries", .counter, unit: "{attempt}", labels: clientLabels,
        "the attempts beside the first of each call, those of hedging among them")
    static let clientOmittedRetries = MetricDescription(
        "micro.client.retries.omitted", .counter, unit: "{attempt}", labels: clientLabels,
        "the retries that were left out, since the budget was used up")

    static let connections = MetricDescription(
        "micro.client.connections", .gauge, unit: "{connection}",
        labels: [MetricLabels.service, MetricLabels.state],
        "the open connections to other services: `used` by calls, or `idle`")
    static let connectionsOpened = MetricDescription(
        "micro.client.connections.opened", .counter, unit: "{connection}", labels: [MetricLabels.service],
        "the connections that were begun, also those that failed")
    static let connectionsClosed = MetricDescription(
        "micro.client.connections.closed", .counter, unit: "{connection}", labels: [MetricLabels.service],
        "the connections that were closed or lost, or that could not be opened")
    static let knownNodes = MetricDescription(
        "micro.client.nodes", .gauge, unit: "{node}", labels: [MetricLabels.service, MetricLabels.server],
        "the nodes of a service that is called, as the registry tells them")
    static let ejectedNodes = MetricDescription(
        "micro.client.nodes.ejected", .gauge, unit: "{node}",
        labels: [MetricLabels.service, MetricLabels.server],
        "those of them that get no calls for a while, since they answer worse than the others")
    static let ejections = MetricDescription(
        "micro.client.ejections", .counter, unit: "{ejection}",
        labels: [MetricLabels.service, MetricLabels.server], "how often a node was ejected")
    static let registryAge = MetricDescription(
        "micro.client.registry.age", .gauge, unit: "s", labels: [MetricLabels.service, MetricLabels.server],
        "the time since the registry last changed the nodes of a service that is called")

    static let sent = MetricDescription(
        "messaging.client.sent.messages", .counter, unit: "{message}",
        labels: messageLabels + [MetricLabels.error],
        "the events that were published; those that could not be have the status as `error.type`")
    static let consumed = MetricDescription(
        "messaging.client.consumed.messages", .counter, unit: "{message}", labels: messageLabels,
        "the events that subscribers were given")
    static let processDuration = MetricDescription(
        "messaging.process.duration", .histogram, unit: "s", labels: messageLabels + [MetricLabels.error],
        buckets: secondsBuckets,
        "how long subscribers took; of events that they refused, with `error.type`")
    static let dropped = MetricDescription(
        "micro.subscriber.dropped.messages", .counter, unit: "{message}", labels: messageLabels,
        "the events that the broker dropped, since nobody could take them")

    static let descriptors = MetricDescription(
        "process.unix.file_descriptor.count", .gauge, unit: "{file_descriptor}",
        "the open file descriptors of the process")
    static let threads = MetricDescription(
        "process.thread.count", .gauge, unit: "{thread}", "the threads of the process, event loops among them"
    )
    static let memory = MetricDescription(
        "process.memory.usage", .gauge, unit: "By", "the memory of the process that is resident")
    static let cpu = MetricDescription(
        "process.cpu.time", .counter, unit: "s", "the CPU time that the process has used")
    static let uptime = MetricDescription(
        "process.uptime", .gauge, unit: "s",
        "the time since the first service or client of the process was started")

    /// All of them, for back ends, which get no more than names from swift-metrics, and for the documents.
    public static let engine: [MetricDescription] = [
        serverDuration, serverActive, serverRequestSize, serverResponseSize, serverLimit, serverQueued,
        serverRefused, clientDuration, clientActive,
        clientRequestSize, clientResponseSize, clientRetries, clientOmittedRetries, connections,
        connectionsOpened,
        connectionsClosed, knownNodes, ejectedNodes, ejections, registryAge, sent, consumed, processDuration,
        dropped, descriptors,
        threads, memory, cpu, uptime,
    ]
}
