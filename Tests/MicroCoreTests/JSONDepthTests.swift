import MicroCore
import Testing

@Suite struct JSONDepthTests {
    private func isAccepted(_ text: String) -> Bool {
        (try? JSONDepth.check(Array(text.utf8).span.bytes)) != nil
    }

    @Test(arguments: ["[", "{\"a\":"])
    func theLimitIsExact(unit: String) {
        #expect(isAccepted(String(repeating: unit, count: JSONDepth.limit)))
        #expect(!isAccepted(String(repeating: unit, count: JSONDepth.limit + 1)))
    }

    @Test func whatLiesInStringsDoesNotCount() {
        #expect(isAccepted("\"" + String(repeating: "[", count: 1000) + "\""))
        #expect(isAccepted("\"\\\"" + String(repeating: "[", count: 1000) + "\""))
        #expect(!isAccepted("\"\\\\\"" + String(repeating: "[", count: 1000)))
    }

    @Test func siblingsAreNotDepth() {
        #expect(isAccepted("[" + String(repeating: "[],", count: 10_000) + "[]]"))
        #expect(!isAccepted(String(repeating: "]", count: 1000) + String(repeating: "[", count: 300)))
    }
}
