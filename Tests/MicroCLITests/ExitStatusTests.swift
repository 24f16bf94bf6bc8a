import Micro
import MicroCore
import Testing

@testable import MicroCommands

@Suite(.timeLimit(.minutes(2))) struct ExitStatusTests {
    @Test(
        arguments: [
            (MicroError(id: "greeter", httpCode: 401, detail: "no token"), 2),
            (MicroError(.unauthenticated, "no token"), 2),
            (MicroError(id: "greeter", httpCode: 408, detail: "slow"), 1),
            (MicroError(.deadlineExceeded, "slow"), 1),
            (MicroError(.unimplemented, "malformed method name: \"x\""), 3),
            (MicroError(id: "go.micro.client", httpCode: 500, detail: "service greeter: not found"), 4),
            (MicroError(id: "go.micro.client", httpCode: 500, detail: "service greeter: none available"), 4),
            (MicroError(.unavailable, "connection refused"), 4),
            (MicroError(.unimplemented, "unknown service Greeter"), 5),
            (MicroError(id: "users", httpCode: 404, detail: "user 7: not found"), 127),
            (MicroError(id: "users", httpCode: 500, detail: "service mail: not found"), 127),
            (MicroError(.permissionDenied, "no"), 127),
            (MicroError(.unknown, "oh"), 127),
        ] as [(MicroError, Int32)])
    func followsTheOutcomeOfACall(error: MicroError, status: Int32) {
        #expect(ExitStatus(error).rawValue == status)
    }

    @Test func otherErrorsHaveTheirs() {
        struct Odd: Error {}
        #expect(CommandFailure(StartError(.unknownPlugin, "no such registry")).status == .framework)
        #expect(CommandFailure(Odd()).status == .other)
        #expect(CommandFailure(signal: 2).status.rawValue == 130)
        #expect(CommandFailure(signal: 2).message == nil)
    }

    @Test func aFailedCallIsOneLineWithTheErrorAsJSON() {
        let call = PreparedCall(
            service: "greeter", endpoint: "Say.Hello", options: .init(), output: .json,
            allowsUnknownFields: false)
        let error = MicroError(id: "greeter", httpCode: 404, detail: "line\nbreak \u{1B}[2J")
        #expect(
            CommandFailure.text(calling: call, error)
                == #"error calling greeter.Say.Hello: {"id":"greeter","code":404,"#
                + #""detail":"line\nbreak \u001b[2J","status":"Not Found"}"#)
    }
}
