import MicroPluginKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct LogThrottleTests {
    @Test func aBurstIsLoggedAndWhatIsLeftOutIsCounted() {
        let throttle = LogThrottle(burst: 2, interval: .seconds(10))
        let start = ContinuousClock.now
        var logged: [Int] = []
        for _ in 0..<100 { throttle.admit(now: start) { logged.append($0) } }
        #expect(logged == [0, 0])
        throttle.admit(now: start + .seconds(9)) { logged.append($0) }
        #expect(logged == [0, 0])
        throttle.admit(now: start + .seconds(10)) { logged.append($0) }
        throttle.admit(now: start + .seconds(11)) { logged.append($0) }
        #expect(logged == [0, 0, 99, 0])
    }
}
