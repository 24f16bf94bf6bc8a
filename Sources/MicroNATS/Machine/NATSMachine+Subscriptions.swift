internal import NIOCore

// What the server is to send.
extension NATSMachine {
    /// A subscription as the server knows it.
    struct Subscription: Hashable {
        let subject: String
        let queue: String?
    }

    /// Begins a subscription, now and on every later connection.
    ///
    /// - Parameters:
    ///   - subject: The subject.
    ///   - queue: The queue group.
    /// - Returns: The number of the subscription.
    mutating func subscribe(_ subject: String, queue: String?) -> UInt64 {
        lastSubscription += 1
        subscriptions[lastSubscription] = Subscription(subject: subject, queue: queue)
        if link?.stage == .open {
            control.writeSubscribe(subject, queue: queue, number: lastSubscription)
            flush(.soon)
        }
        return lastSubscription
    }

    /// Tells the server to send no more; what is on its way still arrives.
    ///
    /// - Parameter number: The number of the subscription.
    mutating func stopReceiving(_ number: UInt64) {
        guard subscriptions[number] != nil, link?.stage == .open else { return }
        control.writeUnsubscribe(number)
        flush(.soon)
    }

    /// Ends a subscription.
    ///
    /// - Parameter number: The number of the subscription.
    mutating func unsubscribe(_ number: UInt64) {
        resumeReading(number)
        guard subscriptions.removeValue(forKey: number) != nil else { return }
        perform(.endSubscriptions([number], nil))
        guard link?.stage == .open else { return }
        control.writeUnsubscribe(number)
        flush(.soon)
    }

    /// Reads nothing more until a subscription has caught up.
    ///
    /// - Parameter number: The number of the subscription.
    mutating func suspendReading(_ number: UInt64) {
        guard isOpen, subscriptions[number] != nil else { return }
        if suspended.insert(number).inserted, suspended.count == 1 { perform(.setReading(false)) }
    }

    /// Reads again if this subscription was in the way, and no other one is.
    ///
    /// - Parameter number: The number of the subscription.
    mutating func resumeReading(_ number: UInt64) {
        if suspended.remove(number) != nil, suspended.isEmpty { perform(.setReading(true)) }
    }
}
