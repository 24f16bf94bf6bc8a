import Testing

@testable import MicroCore

@Suite(.timeLimit(.minutes(2))) struct NodeIDTests {
    private let unique = "c86d687e-2d79-488c-84a4-b400c7b01a87"

    @Test(arguments: [
        ("greeter", "greeter-"), ("go.micro.srv.greeter", "go.micro.srv.greeter-"),
        // 26 letters and a UUID just fit; of more, and of names that are no DNS names, the beginning is kept.
        ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz-"),
        ("abcdefghijklmnopqrstuvwxyz1", "abcdefghijklmnopqrstuvwxyz-"),
        ("go.micro.abcdefghijklmnopqrstuvwxyz123456", "abcdefghijklmnopqrstuvwxyz-"),
        ("trailing.", "trailing.-"), ("a..b", "b-"), (".", ""),
        ("grüße.äöüäöüäöüäöüäöüäöü", "äöüäöüäöüäöüä-"),
    ])
    func keepsWhatFitsOfTheName(name: String, start: String) {
        let id = NodeID.make(name: name, unique: unique)
        #expect(id == start + unique)
        #expect(id.utf8.split(separator: UInt8(ascii: ".")).allSatisfy { $0.count <= 63 })
    }

    @Test func longNamesWithManyPartsAreCut() {
        let name = Array(repeating: "part", count: 30).joined(separator: ".")
        #expect(NodeID.make(name: name, unique: unique) == "part-\(unique)")
    }

    @Test func aLongUniquePartStaysWhole() {
        let long = String(repeating: "x", count: 80)
        #expect(NodeID.make(name: "greeter", unique: long) == long)
    }
}
