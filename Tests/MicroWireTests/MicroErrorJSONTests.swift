import MicroCore
import MicroWire
import Testing

@Suite(.timeLimit(.minutes(2))) struct MicroErrorJSONTests {
    @Test func jsonIsGoMicros() {
        let captured =
            #"{"id":"go.micro.srv.greeter","code":400,"detail":"bad request detail","status":"Bad Request"}"#
        let error = MicroError(id: "go.micro.srv.greeter", httpCode: 400, detail: "bad request detail")
        #expect(String(decoding: error.json(), as: UTF8.self) == captured)
        #expect(MicroError(json: Array(captured.utf8)) == error)
    }

    @Test func emptyPartsAreLeftOut() {
        #expect(MicroError(id: "", httpCode: 0, detail: "").json() == Array("{}".utf8))
        #expect(
            MicroError(id: "x", httpCode: 799, detail: "").json() == Array(#"{"id":"x","code":799}"#.utf8))
    }

    @Test func detailsAreEscapedAsGoDoes() {
        let error = MicroError(id: "", httpCode: 0, detail: "\"\\<&>\n\u{1}\u{2028}ü\u{1F600}")
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
        let error = MicroError(json: Array(#"{"code":409}"#.utf8), status: .aborted)
        #expect(error?.status == .aborted)
        #expect(error?.httpCode == 409)
    }
}
