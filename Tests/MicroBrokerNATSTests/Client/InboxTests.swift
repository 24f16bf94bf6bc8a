import NIOCore
import Testing

@testable import MicroNATS

@Suite("The messages that wait for a subscriber", .timeLimit(.minutes(1)))
struct InboxTests {
    @Test("Ends a wait whose time is up as soon as it begins")
    func timeIsUpAtOnce() async {
        let inbox = SubscriptionInbox(limits: .init())
        let outcome = await inbox.take(resumeReading: {}, startTimer: { inbox.timeOut($0) })
        guard case .timedOut = outcome else {
            Issue.record("The outcome is \(outcome).")
            return
        }
    }
}
