import MicroCore
import NIOCore

// Calls for which the server allows no stream at present. nghttp2 would queue them, too, but without a bound, and
// would keep those that have ended since.
extension ClientConnection {
    /// Lets a call wait for a stream.
    ///
    /// - Returns: Why it can't wait, if it can't.
    func enqueue(_ stream: ClientStream, _ head: CallHead) -> MicroError? {
        guard queue.count < limits.maximumQueuedCalls, waitingBytes <= limits.maximumWaitingBytes else {
            return Self.unusable(
                "\(queue.count) calls wait for the server already, which allows \(streamLimit) at once on a "
                    + "connection.")
        }
        waitingBytes += stream.outbound.count
        queue.append(stream, head)
        watchStarvation()
        return nil
    }

    /// Takes a call out of the queue that has ended.
    func withdraw(_ stream: ClientStream) {
        queue.remove(stream)
        closeIfIdle()
    }

    /// Begins as many of the calls that wait as the server allows.
    func beginWaitingCalls() {
        now = .now()
        while !isClosed, streams.count < streamLimit, let entry = queue.removeFirst() { begin(entry) }
        watchStarvation()
    }

    private func begin(_ entry: StreamQueue.Entry) {
        let stream = entry.stream
        guard !stream.isOverdue else { return stream.expire() }
        let timeout = stream.deadline.map { ($0 - now).nanoseconds }
        let size = stream.outbound.count
        if let error = submit(stream, entry.head, timeout: timeout) { return stream.failUnsent(error) }
        // It is counted among the open ones from here on.
        waitingBytes -= size
    }

    /// Sees to it that the connection is given up if the server allows no stream for too long.
    ///
    /// Where streams are open, one of them will end: the calls that wait have their own deadlines.
    private func watchStarvation() {
        guard !queue.isEmpty, streams.isEmpty else { return starvationDue = nil }
        guard starvationDue == nil, !isClosed else { return }
        let due = now + TimeAmount(limits.starvationTimeout)
        starvationDue = due
        watchDeadline(due)
    }

    /// Ends the calls whose deadline has passed, and gives the connection up when it is time.
    func checkQueue() {
        let waiting = queue.streams
        for stream in waiting {
            if let deadline = stream.deadline, deadline <= now { stream.expire() }
        }
        watchStarvation()
        if let starvationDue, starvationDue <= now { return giveUp() }
        for stream in waiting {
            if let deadline = stream.deadline, deadline > now { watchDeadline(deadline) }
        }
        if let starvationDue { watchDeadline(starvationDue) }
    }

    /// Leaves the connection for another: the calls that wait were surely not processed, so their callers may
    /// make them elsewhere.
    private func giveUp() {
        goAway()
        failWaitingCalls("The server has allowed no call on this connection for \(limits.starvationTimeout).")
    }

    /// Ends the calls that wait.
    func failWaitingCalls(_ reason: String) {
        for stream in queue.streams { stream.failUnsent(explained(Self.unusable(reason))) }
    }
}
