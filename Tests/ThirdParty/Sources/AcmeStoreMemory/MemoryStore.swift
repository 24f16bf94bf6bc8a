import AcmeStore
import MicroCore
import MicroPluginKit
import Synchronization

/// A store in memory, whose background work writes a journal of the keys.
public final class MemoryStore: Store {
    private struct State {
        var values: [String: String] = [:]
        var capacity = 1000
        var journal: String?
    }

    private static let capacity = Setting(
        "capacity", .number(in: 1...1_000_000), default: 1000, "how many values it keeps")
    private static let journal = Setting(
        "journal", .text("an absolute path"), "where the keys are written down")

    /// What operators may set.
    public static let settings = [capacity.declaration, journal.declaration]

    private let state = Mutex(State())
    private let ready = Latch()

    /// Creates an empty store.
    public init() {}

    /// Reads `MICRO_STORE_CAPACITY` and `MICRO_STORE_JOURNAL`.
    public func prepare(_ context: PluginContext) throws {
        let (capacity, journal) = (try context.settings[Self.capacity], try context.settings[Self.journal])
        state.withLock { state in
            state.capacity = capacity
            state.journal = journal
        }
    }

    /// Checks the journal, and is ready then.
    public func run() async throws {
        if let journal = state.withLock(\.journal), !journal.hasPrefix("/") {
            throw StartError(
                .invalidConfiguration,
                "The store's journal \"\(journal)\" is no absolute path: set MICRO_STORE_JOURNAL.")
        }
        ready.open()
        await Latch().wait()
    }

    /// Waits until the journal was checked.
    public func waitUntilReady() async throws { await ready.wait() }

    /// Returns what was written under a key, if anything was.
    public func read(_ key: String) async throws -> String? { state.withLock { $0.values[key] } }

    /// Keeps a value under a key.
    public func write(_ key: String, _ value: String) async throws {
        let isFull = state.withLock { state in
            if state.values[key] == nil, state.values.count >= state.capacity { return true }
            state.values[key] = value
            return false
        }
        if isFull { throw MicroError(.resourceExhausted, "The store is full.") }
    }
}
