import MicroPluginKit
import Testing

/// What somebody may have meant.
@Suite(.timeLimit(.minutes(2))) struct NearestNameTests {
    @Test func isNear() {
        let names = ["greeter", "gateway", "clock"]
        #expect(NearestName.find("greter", among: names) == "greeter")
        #expect(NearestName.find("gretere", among: names) == "greeter")
        #expect(NearestName.find("GREETER", among: names) == "greeter")
        #expect(NearestName.find("colck", among: names) == "clock")
        #expect(NearestName.find("nobody", among: names) == nil)
        #expect(NearestName.find("greeter", among: ["greeter"]) == nil)
        #expect(NearestName.find("", among: ["a"]) == nil)
    }

    @Test func aLimitIsKept() {
        #expect(NearestName.find("capasitee", among: ["capacity"], limit: 3) == "capacity")
        #expect(NearestName.find("capasitee", among: ["capacity"], limit: 2) == nil)
    }
}
