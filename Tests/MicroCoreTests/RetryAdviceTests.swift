import MicroCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct RetryAdviceTests {
    @Test(arguments: [
        ("0", MicroError.RetryPushback.after(.zero)), ("250", .after(.milliseconds(250))), ("-1", .never),
        ("soon", .never), ("", .never), ("1.5", .never), ("99999999999999999999", .never),
        ("9223372036854775807", .after(.seconds(86_400))),
    ])
    func pushbackIsReadAsGRPCHasIt(text: String, advice: MicroError.RetryPushback) {
        var error = MicroError(.unavailable, "busy")
        error.trailingMetadata["grpc-retry-pushback-ms"] = text
        #expect(error.retryPushback == advice)
    }

    @Test(arguments: [
        (MicroError.RetryPushback.after(.milliseconds(20)), "20"), (.after(.microseconds(1)), "1"),
        (.after(.seconds(-5)), "0"), (.after(.seconds(1 << 40)), "86400000"), (.never, "-1"),
    ])
    func pushbackIsWrittenInMilliseconds(advice: MicroError.RetryPushback, text: String) {
        var error = MicroError(.unavailable, "busy")
        error.retryPushback = advice
        #expect(error.trailingMetadata["grpc-retry-pushback-ms"] == text)
        error.retryPushback = nil
        #expect(error.trailingMetadata.isEmpty)
    }

    @Test func refusalsAreMarked() {
        var error = MicroError(.unavailable, "busy")
        error.trailingMetadata["other"] = "stays"
        #expect(!error.isRefusal)
        error.isRefusal = true
        #expect(error.isRefusal)
        error.isRefusal = false
        #expect(error.trailingMetadata == ["other": "stays"])
    }

    @Test func criticalityHasAnOrderAndADefault() {
        #expect(Criticality.sheddable < .default && Criticality.default < .critical)
        #expect(Criticality(["micro-criticality": "sheddable"]) == .sheddable)
        #expect(Criticality(["micro-criticality": "URGENT!"]) == .default)
        #expect(Criticality(["other": "critical"]) == .default)
        #expect(Criticality([:]) == .default)
    }
}
