import MicroCore
internal import Synchronization

extension ClientEngine {
    /// Chooses one of some nodes.
    func choose(
        from snapshot: NodeSnapshot, _ routing: Routing?, _ route: CallRoute, _ options: CallOptions,
        _ head: CallHead, _ tried: [String]
    ) throws(MicroError) -> NodeSnapshot.Choice {
        // The usual case: nobody has a way of their own.
        guard routing != nil || options.routing != nil else {
            return try snapshot.choose(
                selection.selector, for: context(route, options, head, tried, selection.signals))
        }
        let use = try selectorUse(options.routing, routing)
        let filter = filter(options.routing, routing, snapshot, key: options.routingKey)
        var choice = try snapshot.choose(
            use.selector, for: context(route, options, head, tried, use.signals), filter: filter)
        choice.selection = use
        return choice
    }

    private func context(
        _ route: CallRoute, _ options: CallOptions, _ head: CallHead, _ tried: [String],
        _ signals: SelectionSignals
    ) -> SelectionContext {
        SelectionContext(
            service: service(route), endpoint: route.endpoint, head: head, key: options.routingKey,
            tried: tried, signals: signals)
    }

    /// Returns the selector of a call: the call's own, its service's, or the client's.
    private func selectorUse(_ call: Routing?, _ service: Routing?) throws(MicroError) -> SelectorUse {
        guard let routing = [call, service].lazy.compactMap(\.self).first(where: { $0.selector != nil })
        else {
            return selection
        }
        if let given = routing.given { return given }
        guard case .name(let name) = routing.selector?.kind else { return selection }
        if let known = namedSelectors.withLock({ $0[name] }) { return known }
        do throws(StartError) {
            let use = SelectorUse(try parts.part(.selector, named: name))
            return namedSelectors.withLock { known in
                // Of two that were made at once the first counts, so that both calls use the same.
                if let first = known[name] { return first }
                known[name] = use
                return use
            }
        } catch {
            throw ClientErrors.invalid(
                "The selector \"\(name.printable(limit: 100))\" of the call's routing can't be used: \(error.message)",
                cause: error)
        }
    }

    /// Returns which nodes a call may go to.
    private func filter(
        _ call: Routing?, _ service: Routing?, _ snapshot: NodeSnapshot, key: String?
    ) -> NodeFilter? {
        let filter = call?.filter ?? service?.filter
        guard let canary = call?.canary ?? service?.canary else { return filter }
        var (chosen, rest) = (filter ?? NodeFilter(), filter ?? NodeFilter())
        chosen.version = canary.version
        rest.otherThanVersion = canary.version
        let (wanted, other) = canary.takes(key: key, random) ? (chosen, rest) : (rest, chosen)
        if snapshot.hasNodes(for: wanted) { return wanted }
        return snapshot.hasNodes(for: other) ? other : filter
    }
}
