import Logging
internal import Synchronization

/// The level of a program's log, which may change while loggers are in use.
final class LogLevelSwitch: Sendable {
    private let position: Atomic<Int>

    init(_ level: Logger.Level) { position = Atomic(Self.position(of: level)) }

    /// The least level that is written.
    var level: Logger.Level {
        get { Logger.Level.allCases[position.load(ordering: .relaxed)] }
        set { position.store(Self.position(of: newValue), ordering: .relaxed) }
    }

    private static func position(of level: Logger.Level) -> Int {
        Logger.Level.allCases.firstIndex(of: level) ?? 0
    }
}

/// A handler whose copies, in all loggers and contexts, follow a switch.
///
/// A logger of which somebody sets the level has its own from then on.
struct SwitchedLogHandler: LogHandler {
    private var base: any LogHandler
    private let levelSwitch: LogLevelSwitch

    /// The least level that a handler beside the program's own one writes, whatever the switch says.
    private let floor: Logger.Level
    private var own: Logger.Level?

    /// Creates a handler.
    ///
    /// - Parameters:
    ///   - base: What writes; its own level does not count.
    ///   - levelSwitch: What its level follows.
    init(_ base: any LogHandler, _ levelSwitch: LogLevelSwitch) {
        self.base = base
        self.base.logLevel = .trace
        self.levelSwitch = levelSwitch
        floor = .critical
    }

    private init(_ base: any LogHandler, _ levelSwitch: LogLevelSwitch, floor: Logger.Level) {
        self.base = base
        self.levelSwitch = levelSwitch
        self.floor = floor
    }

    /// Returns the handler with further ones, which keep their levels.
    func adding(_ others: [any LogHandler]) -> SwitchedLogHandler {
        SwitchedLogHandler(
            MultiplexLogHandler([self] + others), levelSwitch,
            floor: others.map(\.logLevel).min() ?? .critical)
    }

    var logLevel: Logger.Level {
        get { own ?? min(levelSwitch.level, floor) }
        set {
            own = newValue
            base.logLevel = newValue
        }
    }

    var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { base.log(event: event) }
}
