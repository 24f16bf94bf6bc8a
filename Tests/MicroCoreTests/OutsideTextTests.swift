import MicroCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct PrintableTextTests {
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

@Suite(.timeLimit(.minutes(2))) struct PrintableAddressTests {
    @Test(
        arguments: [
            ("host:1", "host:1"), ("http://host:1/", "http://host:1/"),
            ("http://root:secret@host:1", "http://…@host:1"), ("root:sec@ret@host", "…@host"),
            ("nats://secret@host", "nats://…@host"), ("http://a:1,http://u:se/cret@b:2", "http://…@b:2"),
            ("u:http://secret@host", "…@host"), ("\u{202E}host", "\\u{202E}host"), ("@", "…@"),
        ])
    func usersAndPasswordsAreNotShown(_ text: String, _ shown: String) {
        #expect(text.printableAddress() == shown)
    }

    @Test(arguments: ["root:secret@host:1", "secret@host:1", "h\u{9B}31m:1", "a\u{202E}b", "a b"])
    func hostsThatCanNotBeShownAreNone(_ text: String) {
        #expect(HostPort.split(text) == nil)
        let error = #expect(throws: StartError.self) { try ListenAddress(parsing: text) }
        #expect(error?.message.contains("secret") == false)
    }
}
