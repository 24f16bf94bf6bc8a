public import Logging
internal import Synchronization

/// A log handler that keeps the last lines of the process's log, for `micro logs`.
///
/// What a service itself logs is kept without more ado. For the rest of a program's log, make it a part of
/// the logging system:
///
/// ```swift
/// LoggingSystem.bootstrap { label in
///     MultiplexLogHandler([StreamLogHandler.standardError(label: label), DebugLogHandler(label: label)])
/// }
/// ```
///
/// The last 1024 lines are kept, each with at most 4 KiB of text and 32 fields of metadata, a field with at most
/// 1 KiB.
public struct DebugLogHandler: LogHandler {
    private static let textLimit = 4096
    private static let fieldLimit = 32
    private static let keyLimit = 128
    private static let valueLimit = 1024

    /// Whether the program has made a handler itself, so that the service's own lines come by that way.
    private static let isInLoggingSystem = Atomic<Bool>(false)

    /// What stands beside each line.
    public var metadata: Logger.Metadata = [:]

    /// What stands beside each line, and depends on the task.
    public var metadataProvider: Logger.MetadataProvider?

    /// The lowest level that is kept.
    public var logLevel: Logger.Level = .info

    private let label: String
    private let buffer: LogBuffer

    /// Whether it stands beside the program's log, which may have one of its own.
    private let isForService: Bool

    /// Creates a handler.
    ///
    /// - Parameter label: The label of the logger.
    public init(label: String) {
        self.init(label: label, buffer: .shared)
        Self.isInLoggingSystem.store(true, ordering: .relaxed)
    }

    init(label: String, buffer: LogBuffer, isForService: Bool = false) {
        self.label = label
        self.buffer = buffer
        self.isForService = isForService
    }

    /// Creates the handler that a service adds to its own log.
    init(forServiceLog label: String) { self.init(label: label, buffer: .shared, isForService: true) }

    /// The metadata of a key.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Keeps a line.
    public func log(event: LogEvent) {
        guard !isForService || !Self.isInLoggingSystem.load(ordering: .relaxed) else { return }
        var fields = metadata
        if let metadataProvider { fields.merge(metadataProvider.get()) { $1 } }
        if let metadata = event.metadata { fields.merge(metadata) { $1 } }
        if let error = event.error { fields["error"] = "\(error)" }
        var texts = ["level": "\(event.level)"]
        if !label.isEmpty { texts["logger"] = Self.bounded(label, Self.keyLimit) }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }).prefix(Self.fieldLimit) {
            texts[Self.bounded(key, Self.keyLimit)] = Self.bounded("\(value)", Self.valueLimit)
        }
        let now = WallClock.nanoseconds
        buffer.add(
            LogBuffer.Entry(
                timestamp: Int64(now / 1_000_000_000), nanoseconds: Int32(now % 1_000_000_000),
                message: Self.bounded("\(event.message)", Self.textLimit),
                metadata: texts))
    }

    private static func bounded(_ text: String, _ limit: Int) -> String {
        text.utf8.count <= limit ? text : String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "…"
    }
}
