package import MicroPluginKit
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Tells when the machine's interfaces, addresses or routes have changed.
///
/// On Linux a thread sleeps until netlink tells of a change; elsewhere, and where netlink isn't allowed, it
/// looks every few seconds. It begins when somebody first asks, and like the event loops it stays as long as
/// the process does.
///
/// ```swift
/// var change = NetworkMonitor.shared.nextChange
/// while !Task.isCancelled {
///     look()
///     await change.wait()
///     change = NetworkMonitor.shared.nextChange
/// }
/// ```
package final class NetworkMonitor: Sendable {
    private struct State {
        var next = Latch()
        var isWatching: Bool
    }

    /// How long to wait for more before a change is told: one rarely comes alone.
    private static let settling: UInt32 = 500_000

    /// How often to look where nobody tells, in seconds.
    private static let lookInterval: UInt32 = 3

    /// The monitor of the process.
    package static let shared = NetworkMonitor(isWatching: false)

    private let state: Mutex<State>

    private init(isWatching: Bool) { state = Mutex(State(isWatching: isWatching)) }

    /// Creates a monitor that tells only of what is reported to it, for tests.
    package convenience init() { self.init(isWatching: true) }

    /// What opens at the next change.
    ///
    /// To miss no change, get it before you look at the system.
    package var nextChange: Latch {
        state.withLock { state in
            if !state.isWatching { state.isWatching = Self.startThread() }
            return state.next
        }
    }

    /// Tells all of a change that the system may not have told of, such as a socket that has died.
    package func reportChange() {
        let change = state.withLock { state in
            defer { state.next = Latch() }
            return state.next
        }
        change.open()
    }

    private static func startThread() -> Bool {
        #if canImport(Darwin)
            var thread: pthread_t?
            let result = pthread_create(&thread, nil, { _ in NetworkMonitor.shared.watch() }, nil)
            if let thread { pthread_detach(thread) }
        #else
            var thread = pthread_t()
            let result = pthread_create(&thread, nil, { _ in NetworkMonitor.shared.watch() }, nil)
            if result == 0 { pthread_detach(thread) }
        #endif
        return result == 0
    }

    private func watch() -> Never {
        #if os(Linux)
            if let socket = NetlinkSocket(groups: NetlinkSocket.allChanges) {
                // What changed before the socket was open.
                reportChange()
                while socket.waitForNews() {
                    usleep(Self.settling)
                    socket.dropNews()
                    reportChange()
                }
            }
        #endif
        var known = Set(InterfaceAddress.all)
        while true {
            sleep(Self.lookInterval)
            let present = Set(InterfaceAddress.all)
            if present != known { reportChange() }
            known = present
        }
    }
}
