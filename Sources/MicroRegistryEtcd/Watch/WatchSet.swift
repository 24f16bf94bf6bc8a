internal import MicroCore
internal import MicroEtcd
internal import MicroPluginKit
internal import Synchronization

/// Follows the services that somebody watches, or all if somebody watches all.
final class WatchSet: Sendable {
    private struct Following {
        let stop: Latch
        var isStopping = false
    }

    private struct State {
        var following: [WatchScope: Following] = [:]
        var synced: Set<WatchScope> = []
    }

    private let client: EtcdClient
    private let layout: KeyLayout
    private let directory: RegistryDirectory
    private let unreadable: UnreadableKeys
    private let state = Mutex(State())
    private let stateChanged = Condition()

    init(
        _ client: EtcdClient, layout: KeyLayout, directory: RegistryDirectory, unreadable: UnreadableKeys
    ) {
        self.unreadable = unreadable
        self.client = client
        self.layout = layout
        self.directory = directory
    }

    /// Returns whether the directory has all nodes of a service, or of all.
    func isSynced(_ scope: WatchScope) -> Bool {
        state.withLock { $0.synced.contains(.all) || $0.synced.contains(scope) }
    }

    /// Says that somebody began or ended to watch.
    func watchersChanged() { stateChanged.notifyAll() }

    /// Follows what is watched, until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let generation = stateChanged.generation
                for (scope, stop) in change() {
                    // Until nobody watches the scope any more.
                    group.addTask { await self.follow(scope, until: stop) }
                }
                await stateChanged.wait(since: generation)
            }
        }
    }

    /// Ends what nobody watches any more.
    ///
    /// - Returns: What is to be followed from now on. While anything ends there is nothing: its last events
    ///   must not come behind a new list.
    private func change() -> [(WatchScope, Latch)] {
        let (services, all) = directory.forgetUnwatched(keeping: [])
        let wanted: Set<WatchScope> = all ? [.all] : Set(services.map(WatchScope.service))
        let (stopped, started) = state.withLock { state -> ([Latch], [(WatchScope, Latch)]) in
            var stopped: [Latch] = []
            for (scope, following) in state.following where !wanted.contains(scope) && !following.isStopping {
                state.following[scope]?.isStopping = true
                state.synced.remove(scope)
                stopped.append(following.stop)
            }
            guard !state.following.values.contains(where: \.isStopping) else { return (stopped, []) }
            var started: [(WatchScope, Latch)] = []
            for scope in wanted where state.following[scope] == nil {
                let stop = Latch()
                state.following[scope] = Following(stop: stop)
                started.append((scope, stop))
            }
            return (stopped, started)
        }
        for stop in stopped { stop.open() }
        return started
    }

    private func follow(_ scope: WatchScope, until stop: Latch) async {
        // The watch goes on until the other task finds it stopped, or both are cancelled.
        await withTaskGroup { group in
            group.addTask {
                var watch = ScopeWatch(
                    scope, client: self.client, layout: self.layout, directory: self.directory,
                    reader: RecordReader(unreadable: self.unreadable)
                ) { self.synced(scope, stop) }
                await watch.run()
            }
            group.addTask { await stop.wait() }
            await group.next()
            group.cancelAll()
        }
        state.withLock { state in
            state.following[scope] = nil
            state.synced.remove(scope)
        }
        stateChanged.notifyAll()
    }

    private func synced(_ scope: WatchScope, _ stop: Latch) {
        state.withLock { state in
            guard state.following[scope]?.stop === stop, state.following[scope]?.isStopping == false else {
                return
            }
            state.synced.insert(scope)
        }
    }
}
