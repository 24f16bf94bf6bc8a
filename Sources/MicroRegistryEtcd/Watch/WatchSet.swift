internal import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// Follows the services that somebody watches, or all if somebody watches all.
final class WatchSet: Sendable {
    private struct Following {
        let stop: Alarm
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
    private let alarm = Alarm()

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
    func watchersChanged() { alarm.ring() }

    /// Follows what is watched, until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let position = alarm.position
                for (scope, stop) in change() {
                    // Until nobody watches the scope any more.
                    group.addTask { await self.follow(scope, until: stop) }
                }
                await alarm.wait(until: nil, since: position)
            }
        }
    }

    /// Ends what nobody watches any more.
    ///
    /// - Returns: What is to be followed from now on. While anything ends there is nothing: its last events
    ///   must not come behind a new list.
    private func change() -> [(WatchScope, Alarm)] {
        let (services, all) = directory.forgetUnwatched(keeping: [])
        let wanted: Set<WatchScope> = all ? [.all] : Set(services.map(WatchScope.service))
        let (stopped, started) = state.withLock { state -> ([Alarm], [(WatchScope, Alarm)]) in
            var stopped: [Alarm] = []
            for (scope, following) in state.following where !wanted.contains(scope) && !following.isStopping {
                state.following[scope]?.isStopping = true
                state.synced.remove(scope)
                stopped.append(following.stop)
            }
            guard !state.following.values.contains(where: \.isStopping) else { return (stopped, []) }
            var started: [(WatchScope, Alarm)] = []
            for scope in wanted where state.following[scope] == nil {
                let stop = Alarm()
                state.following[scope] = Following(stop: stop)
                started.append((scope, stop))
            }
            return (stopped, started)
        }
        for stop in stopped { stop.ring() }
        return started
    }

    private func follow(_ scope: WatchScope, until stop: Alarm) async {
        // The watch goes on until the other task hears the alarm, or both are cancelled.
        await withTaskGroup { group in
            group.addTask {
                var watch = ScopeWatch(
                    scope, client: self.client, layout: self.layout, directory: self.directory,
                    reader: RecordReader(unreadable: self.unreadable)
                ) { self.synced(scope, stop) }
                await watch.run()
            }
            group.addTask { await stop.wait(until: nil, since: 0) }
            await group.next()
            group.cancelAll()
        }
        state.withLock { state in
            state.following[scope] = nil
            state.synced.remove(scope)
        }
        alarm.ring()
    }

    private func synced(_ scope: WatchScope, _ stop: Alarm) {
        state.withLock { state in
            guard state.following[scope]?.stop === stop, state.following[scope]?.isStopping == false else {
                return
            }
            state.synced.insert(scope)
        }
    }
}
