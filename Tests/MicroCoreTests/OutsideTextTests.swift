import MicroCore
import Testing

@Suite struct PrintableTextTests {
    @Test(arguments: [
        ("Grüße, 世界 👩‍👩‍👧", "Grüße, 世界 👩‍👩‍👧"),
        ("line\nforged level=error", "line\\u{A}forged level=error"),
        ("\u{1B}[31mred\u{9B}31m", "\\u{1B}[31mred\\u{9B}31m"),
        ("a\u{202E}b\u{2066}c\u{FEFF}", "a\\u{202E}b\\u{2066}c\\u{FEFF}"),
        ("a\u{2028}b\u{2029}\u{0}\u{7F}", "a\\u{2028}b\\u{2029}\\u{0}\\u{7F}"),
        ("", ""),
    ])
    func whatCouldHarmIsWrittenOut(text: String, printable: String) {
        #expect(text.printable() == printable)
    }

    @Test func longTextsAreCutWithAMark() {
        #expect("abcdef".printable(limit: 6) == "abcdef")
        #expect("abcdefg".printable(limit: 6) == "abcdef…")
        // A cluster of a million combining marks is one character, and no way around the limit.
        let heap = "e" + String(repeating: "\u{301}", count: 1_000_000)
        #expect(heap.printable(limit: 10).unicodeScalars.count == 11)
    }
}

@Suite struct LogThrottleTests {
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
