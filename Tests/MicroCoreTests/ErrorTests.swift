import MicroCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct ErrorTests {
    @Test(arguments: [
        (400, 3), (401, 16), (403, 7), (404, 5), (408, 4), (409, 6), (412, 9), (500, 13), (501, 12),
        (503, 14),
        (0, 2), (200, 2), (405, 2), (418, 2), (429, 2), (499, 2), (502, 2), (504, 2),
    ])
    func goMicroCodesHaveGoMicrosStatus(code: Int, status: Int) {
        #expect(RPCStatus(httpCode: code).rawValue == status)
        #expect(MicroError(id: "x", httpCode: code, detail: "").status.rawValue == status)
    }

    @Test(arguments: [
        (0, 200, "OK"), (1, 499, "CANCELLED"), (2, 500, "UNKNOWN"), (3, 400, "INVALID_ARGUMENT"),
        (4, 408, "DEADLINE_EXCEEDED"), (5, 404, "NOT_FOUND"), (6, 409, "ALREADY_EXISTS"),
        (7, 403, "PERMISSION_DENIED"), (8, 429, "RESOURCE_EXHAUSTED"), (9, 412, "FAILED_PRECONDITION"),
        (10, 409, "ABORTED"), (11, 400, "OUT_OF_RANGE"), (12, 501, "UNIMPLEMENTED"), (13, 500, "INTERNAL"),
        (14, 503, "UNAVAILABLE"), (15, 500, "DATA_LOSS"), (16, 401, "UNAUTHENTICATED"), (17, 500, "CODE(17)"),
        (-1, 500, "CODE(-1)"),
    ])
    func everyStatusHasACode(status: Int, code: Int, name: String) {
        let error = MicroError(RPCStatus(rawValue: status), "")
        #expect(error.httpCode == code)
        #expect(error.status.rawValue == status)
        #expect(error.status.description == name)
    }

    @Test func anotherStatusHasItsCodeAndName() {
        var error = MicroError(id: "x", httpCode: 404, detail: "gone")
        error.reclassify(as: .unavailable)
        #expect(error.httpCode == 503)
        #expect(error.statusText == "Service Unavailable")
        #expect(error.status == .unavailable)
        #expect(error.detail == "gone")
    }

    @Test func theCauseStaysAsideOfComparisonsAndTexts() {
        struct Secret: Error {}
        var error = MicroError(.internal, "broken", cause: Secret())
        #expect(error.cause is Secret)
        error.detail = "still broken"
        #expect(error.cause is Secret)
        #expect(!"\(error)".contains("Secret"))
        let same = MicroError(.internal, "still broken")
        #expect(error == same)
        #expect(error.hashValue == same.hashValue)
        error.cause = nil
        #expect(error.cause == nil)
    }
}
