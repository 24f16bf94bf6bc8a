import MicroCore
import MicroRegistryMemory
import Synchronization

/// A memory registry that tells what is asked of it, and can be made to fail.
final class JournalRegistry: Registry {
    let base = MemoryRegistry()
    let journal: Journal
    private let failingRegistrations: Mutex<Int>
    private let watchFailure = Mutex<(any Error)?>(nil)
    private let runFailure: Gate?

    init(_ journal: Journal, failingRegistrations: Int = 0, failingRun: Gate? = nil) {
        self.journal = journal
        self.failingRegistrations = Mutex(failingRegistrations)
        runFailure = failingRun
    }

    var name: String { "journal" }

    func prepare(_ context: PluginContext) throws { journal.add("registry prepare") }

    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {
        journal.add("register")
        let fails = failingRegistrations.withLock { count in
            count -= 1
            return count >= 0
        }
        if fails { throw MicroError(.unavailable, "The directory is away.") }
        try await base.register(record, timeToLive: timeToLive)
    }

    func deregister(_ record: ServiceRecord) async throws {
        journal.add("deregister")
        await base.deregister(record)
    }

    func lookup(_ service: String) async throws -> [ServiceRecord] { await base.lookup(service) }

    func services() async throws -> [String] { await base.services() }

    func watch(_ service: String?) -> RegistryChanges {
        journal.add("watch")
        return base.watch(service)
    }

    func run() async throws {
        journal.add("registry run")
        if let runFailure {
            await runFailure.wait()
            throw StartError(.unavailable, "The directory is lost.")
        }
        try? await Task.sleep(for: .seconds(1_000_000))
        journal.add("registry end")
    }
}
