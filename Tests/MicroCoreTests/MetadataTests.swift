import MicroCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct MetadataTests {
    @Test func namesHaveNoCase() {
        var metadata: Metadata = ["X-Request-Id": "42"]
        #expect(metadata["x-request-id"] == "42")
        #expect(metadata["X-REQUEST-ID"] == "42")
        #expect(metadata.map(\.name) == ["x-request-id"])
        metadata["X-Request-ID"] = "43"
        #expect(metadata.values(for: "x-request-id") == ["43"])
        metadata["x-request-id"] = nil
        #expect(metadata.isEmpty)
    }

    @Test func fieldsKeepTheirOrderAndNamesRepeat() {
        var metadata: Metadata = ["a": "1", "b": "2", "a": "3"]
        #expect(metadata["a"] == "1")
        #expect(metadata.values(for: "a") == ["1", "3"])
        metadata.add(contentsOf: ["b": "4"])
        #expect(metadata.map { "\($0.name)=\($0.value)" } == ["a=1", "b=2", "a=3", "b=4"])
        metadata.removeAll { $0.value > "2" }
        #expect(metadata.map(\.value) == ["1", "2"])
        metadata.remove("missing")
        #expect(metadata.values(for: "missing").isEmpty)
    }

    @Test func binaryValuesTravelAsBase64() {
        var metadata = Metadata()
        metadata.add([0xCA, 0xFE], for: "Signature")
        metadata.add([], for: "signature-bin")
        #expect(metadata["signature-bin"] == "yv4")
        #expect(metadata.bytes(for: "signature-bin") == [0xCA, 0xFE])
        #expect(metadata.allBytes(for: "signature-bin") == [[0xCA, 0xFE], []])
    }

    @Test func joinedBinaryValuesAreTakenApart() {
        var metadata: Metadata = ["x-bin": "yv4,AAE=,!"]
        #expect(metadata.bytes(for: "x-bin") == [0xCA, 0xFE])
        #expect(metadata.allBytes(for: "x-bin") == [[0xCA, 0xFE], [0, 1]])
        metadata["x-bin"] = "not base64"
        #expect(metadata.bytes(for: "x-bin") == nil)
    }

    @Test func descriptionKeepsSecrets() {
        let metadata: Metadata = ["authorization": "Bearer secret"]
        #expect("\(metadata)" == "[authorization]")
    }

    @Test func longAndOddFieldsSurvive() {
        let long = String(repeating: "v", count: 70_000)
        let metadata: Metadata = ["": "no name", "ünïcode": "wert", "long": long]
        #expect(metadata[""] == "no name")
        #expect(metadata["ünïcode"] == "wert")
        #expect(metadata["long"] == long)
        let clamped: Metadata = [String(repeating: "n", count: 70_000): "value", "next": "there"]
        #expect(clamped["next"] == "there")
    }

    @Test func packedFieldsStopAtTheEndOfDamagedBytes() {
        var random = SystemRandomNumberGenerator()
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...8, using: &random) }
            for field in PackedFields(bytes) { #expect(field.value.upperBound <= bytes.count) }
        }
        #expect(Array(PackedFields([255, 255, 255, 255, 255, 255, 1, 2])).isEmpty)
    }
}

@Suite(.timeLimit(.minutes(2))) struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func vectorsOfTheStandard(plain: String, encoded: String) {
        let unpadded = encoded.filter { $0 != "=" }
        #expect(Base64.encode(Array(plain.utf8), padding: true) == Array(encoded.utf8))
        #expect(Base64.encode(Array(plain.utf8), padding: false) == Array(unpadded.utf8))
        #expect(Base64.decode(Array(encoded.utf8)) == Array(plain.utf8))
        #expect(Base64.decode(Array(unpadded.utf8)) == Array(plain.utf8))
    }

    @Test func everyByteAndTheURLAlphabet() {
        let bytes = (0...255).map { UInt8($0) }
        #expect(Base64.decode(Base64.encode(bytes, padding: true)) == bytes)
        #expect(Base64.decode(Array("-_-_".utf8)) == Base64.decode(Array("+/+/".utf8)))
    }

    @Test(arguments: ["A", "AAAAA", "A===", "AA=A", "AA===", "A A", "AA\n", "Ä", "AA!A"])
    func nonsenseIsRefused(text: String) {
        #expect(Base64.decode(Array(text.utf8)) == nil)
    }
}
