import MicroCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct ErrorTests {
    @Test(arguments: [
        (400, 3), (401, 16), (403, 7), (404, 5), (408, 4), (409, 6), (412, 9), (500, 13), (501, 12),
        (503, 14),
        (0, 2), (200, 2), (405, 2), (418, 2), (429, 2), (499, 2), (502, 2), (504, 2),
    ])
    func goMicroCodesHaveGoMicrosStatus(code: Int, status: Int) {
        #expect(RPCStatus(microCode: code).rawValue == status)
        #expect(MicroError(id: "x", code: code, detail: "").rpcStatus.rawValue == status)
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
        #expect(error.code == code)
        #expect(error.rpcStatus.rawValue == status)
        #expect(error.rpcStatus.description == name)
    }

    @Test func jsonIsGoMicros() {
        let captured =
            #"{"id":"go.micro.srv.greeter","code":400,"detail":"bad request detail","status":"Bad Request"}"#
        let error = MicroError(id: "go.micro.srv.greeter", code: 400, detail: "bad request detail")
        #expect(String(decoding: error.json(), as: UTF8.self) == captured)
        #expect(MicroError(json: Array(captured.utf8)) == error)
    }

    @Test func emptyPartsAreLeftOut() {
        #expect(MicroError(id: "", code: 0, detail: "").json() == Array("{}".utf8))
        #expect(MicroError(id: "x", code: 799, detail: "").json() == Array(#"{"id":"x","code":799}"#.utf8))
    }

    @Test func detailsAreEscapedAsGoDoes() {
        let error = MicroError(id: "", code: 0, detail: "\"\\<&>\n\u{1}\u{2028}ü\u{1F600}")
        #expect(
            String(decoding: error.json(), as: UTF8.self)
                == #"{"detail":"\"\\\u003c\u0026\u003e\n\u0001\u2028ü😀"}"#)
        let copy = MicroError(
            json: Array(#"{"code":1,"Detail":"\"\\\u003c\u0026\u003e\n\u0001\u2028ü😀"}"#.utf8))
        #expect(copy?.detail == error.detail)
    }

    @Test(arguments: [
        "", "no json", "[]", "{}", #"{"code":0}"#, #"{"code":-1}"#, #"{"code":1e99}"#, #"{"code":"x"}"#, "{",
        #"{"id":1,"code":400}"#,
    ])
    func otherTextsAreNoErrors(text: String) { #expect(MicroError(json: Array(text.utf8)) == nil) }

    @Test func textWithoutEndIsNoError() {
        #expect(MicroError(json: Array(String(repeating: #"{"a":"#, count: 100_000).utf8)) == nil)
    }

    @Test func theStatusOfTheWireGoesFirst() {
        let error = MicroError(json: Array(#"{"code":409}"#.utf8), rpcStatus: .aborted)
        #expect(error?.rpcStatus == .aborted)
        #expect(error?.code == 409)
    }
}
