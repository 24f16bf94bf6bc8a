internal import Logging
import MicroCore
internal import MicroInterfaces

/// The open listeners of a service, one for each transport that it serves.
struct ServiceListeners: Sendable {
    /// A listener, and what was planned for it.
    struct Member: Sendable {
        let plan: ListenerPlan
        let listener: any Listener

        /// The address at which others reach it, as the machine's interfaces are now.
        var advertised: AdvertisedAddress { AdvertisedAddress(plan.advertise, boundTo: listener.address) }

        /// Whether no registry can lead a client here: it is a Unix socket, which is meant for this machine alone.
        var isHidden: Bool { listener.address.unixSocketPath != nil && plan.advertise == nil }
    }

    private(set) var members: [Member] = []

    /// Begins to listen on all of them, or on none.
    ///
    /// - Parameters:
    ///   - plans: What to listen on.
    ///   - handler: What to do with each call, whichever way it comes.
    /// - Throws: Why one of them can't be opened; the others are closed then.
    init(opening plans: [ListenerPlan], handler: any CallHandler) async throws {
        for plan in plans {
            do {
                let listener = try await plan.transport.listen(on: plan.address, handler: handler)
                members.append(Member(plan: plan, listener: listener))
            } catch {
                await shutdown(deadline: .now)
                throw error
            }
        }
    }

    /// The addresses that are bound, in the order of the transports.
    var addresses: [ListenAddress] { members.map(\.listener.address) }

    /// Those that are registered: all that clients can reach, or a Unix socket if there is nothing else.
    var registered: [Member] {
        let reachable = members.filter { !$0.isHidden }
        return reachable.isEmpty ? members : reachable
    }

    /// Stops listening on all of them at once; returns when the calls of all have ended.
    ///
    /// - Parameter deadline: Until when running calls may finish.
    func shutdown(deadline: ContinuousClock.Instant) async {
        await withDiscardingTaskGroup { group in
            // Each ends with its last call, and at the deadline at the latest; cancelling this task moves that to now.
            for member in members { group.addTask { await member.listener.shutdown(deadline: deadline) } }
        }
    }

    /// Logs where the service listens, and which of the machine's addresses the registry gets.
    func log() {
        for member in members {
            let node = member.plan.transport.nodeProtocol
            Logger.current.info(
                "Listening for calls.",
                metadata: [
                    LogKeys.address: "\(member.listener.address)", LogKeys.transport: "\(node.declaration)",
                    LogKeys.node: "\(member.plan.nodeID)",
                ])
        }
        for member in registered {
            if member.isHidden {
                Logger.current.warning(
                    """
                    No client finds the service by the registry: it listens on a Unix socket, and must be called by address.
                    """, metadata: [LogKeys.address: "\(member.listener.address)"])
            }
            Self.log(member.advertised)
        }
    }

    /// Tells which of the machine's addresses was chosen, and how to choose another.
    private static func log(_ address: AdvertisedAddress) {
        guard let choice = address.choice else { return }
        let metadata: Logger.Metadata = [
            LogKeys.address: "\(address.text)", LogKeys.interface: "\(choice.interface)",
        ]
        if address.isUnreachable {
            Logger.current.warning(
                """
                This machine has no address that others can reach now, so the registry gets one of the loopback. \
                MICRO_SERVER_ADVERTISE sets another.
                """, metadata: metadata)
        } else {
            let reason = choice.isOnDefaultRoute ? "on the default route" : "since none is on a default route"
            Logger.current.info(
                "The registry gets an address of this machine \(reason). MICRO_SERVER_ADVERTISE sets another.",
                metadata: metadata)
        }
    }
}
