import Synchronization

/// How many events of a subscription are handled at once, and the run that starts their handlers.
struct Workers<Item: Sendable> {
    /// What the run does next.
    enum Step {
        case handle(Item)
        case finished
        case aborted
    }

    /// How many events may be handled at once.
    let limit: Int

    /// How many are.
    var running = 0

    /// The run, while it waits for its next step.
    var reader: Waiter<Step>?

    /// Whether another event may be handled.
    var areFree: Bool { running < limit }
}

extension SubscriptionQueue {
    /// Resumes those that a change concerns; it is called without the lock.
    typealias WakeUp = () -> Void

    /// Handles events until the queue is drained or the task is cancelled.
    func run() async {
        await withTaskCancellationHandler {
            await HandlerScope.$queue.withValue(ObjectIdentifier(self)) { await runHandlers() }
        } onCancel: {
            abort()
        }
        end()
    }

    private func runHandlers() async {
        await withDiscardingTaskGroup { group in
            while true {
                switch await next() {
                case .handle(let item):
                    group.addTask {
                        await self.settlement.handle(item)
                        self.handlerReturned()
                    }
                case .finished:
                    return
                case .aborted:
                    return group.cancelAll()
                }
            }
        }
    }

    private func handlerReturned() {
        let wakeUp = state.withLock { state in
            state.workers.running -= 1
            return advance(&state)
        }
        wakeUp?()
    }

    private func next() async -> Workers<Item>.Step {
        await withWaiter { waiter in
            let wakeUp = state.withLock { state in
                state.workers.reader = waiter
                return advance(&state)
            }
            wakeUp?()
            return nil
        }
    }

    /// Returns what resumes the run, if there is something to do; it is called without the lock.
    func advance(_ state: inout State) -> WakeUp? {
        guard let reader = state.workers.reader, let step = Self.step(&state) else { return nil }
        state.workers.reader = nil
        let admitted = state.buffer.admit()
        return {
            for sender in admitted { sender.waiter.resume(returning: true) }
            reader.resume(returning: step)
        }
    }

    private static func step(_ state: inout State) -> Workers<Item>.Step? {
        if state.isAborted { return .aborted }
        if state.workers.areFree, let item = state.buffer.popFirst() {
            state.workers.running += 1
            return .handle(item)
        }
        return state.isClosed && state.buffer.isEmpty && state.workers.running == 0 ? .finished : nil
    }
}

// MARK: - The end

extension SubscriptionQueue {
    /// Takes no more events, lets those that wait be handled, and returns when the last handler has.
    ///
    /// What is left when the deadline has passed, or this task is cancelled, is cancelled or dropped and
    /// counted. A handler that drains its own queue waits for the others only, until the deadline.
    ///
    /// - Parameter deadline: Until when events are handled.
    public func drain(deadline: ContinuousClock.Instant) async {
        let (senders, wakeUp) = state.withLock { state in
            state.isClosed = true
            return (state.buffer.removeSenders(), advance(&state))
        }
        for sender in senders { sender.waiter.resume(returning: false) }
        wakeUp?()
        guard !(await ended.wait(until: deadline)) else { return }
        abort()
        // What a handler awaits here can't happen before it returns itself.
        if HandlerScope.queue != ObjectIdentifier(self) { await ended.waitIgnoringCancellation() }
    }

    /// Drops what waits: nobody runs the queue any more.
    func end() {
        abort()
        ended.open()
    }

    /// Drops what waits, and has the handlers cancelled.
    private func abort() {
        let (left, senders, wakeUp) = state.withLock { state in
            state.isClosed = true
            state.isAborted = true
            let left = state.buffer.removeAll()
            return (left, state.buffer.removeSenders(), advance(&state))
        }
        for sender in senders { sender.waiter.resume(returning: false) }
        settlement.drop(left)
        wakeUp?()
    }
}

/// The queue whose handler the task is in.
private enum HandlerScope {
    @TaskLocal static var queue: ObjectIdentifier?
}
