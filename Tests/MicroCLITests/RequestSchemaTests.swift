import Foundation
import MicroCore
import Testing

@testable import MicroCommands

/// What `micro call` refuses before it sends a request that a person has written.
@Suite(.timeLimit(.minutes(2))) struct RequestSchemaTests {
    private let schema = RequestSchema(
        ValueRecord(
            name: "Order", type: "Order",
            values: [
                ValueRecord(name: "customer_name", type: "string"),
                ValueRecord(
                    name: "address", type: "Address", values: [ValueRecord(name: "street", type: "string")]),
                ValueRecord(
                    name: "color", type: "Color",
                    values: [
                        ValueRecord(name: "COLOR_RED", type: "enum"),
                        ValueRecord(name: "COLOR_GREEN", type: "enum"),
                    ]),
                ValueRecord(name: "lines", type: "[]Line"),
                ValueRecord(name: "notes", type: "map[string]string"),
                ValueRecord(
                    name: "extra", type: "Struct", values: [ValueRecord(name: "fields", type: "map")]),
            ]))

    private func fault(_ json: String, _ schema: RequestSchema? = nil) throws -> String? {
        let tree = try JSONDecoder().decode(JSONTree.self, from: Data(json.utf8))
        do throws(RequestSchema.Fault) {
            try (schema ?? self.schema).check(tree)
            return nil
        } catch {
            return error.message
        }
    }

    @Test(arguments: [
        "{}", "null", "[]", #"{"customer_name":"a","customerName":"b"}"#, #"{"address":{"street":"x"}}"#,
        #"{"address":null}"#, #"{"color":"COLOR_RED"}"#, #"{"color":1}"#, #"{"color":"1"}"#,
        #"{"lines":[{"anything":1}],"notes":{"any":"x"},"extra":{"free":{"form":1}}}"#,
    ])
    func takesWhatTheEndpointKnows(json: String) throws {
        #expect(try fault(json) == nil)
    }

    @Test func refusesAnUnknownFieldWithASuggestion() throws {
        #expect(
            try fault(#"{"custmer_name":"a"}"#)
                == "The request has no field \"custmer_name\". The fields are: customer_name, address, color, "
                + "lines, notes, extra.\nDid you mean \"customer_name\"?")
        let nested = try fault(#"{"address":{"steet":"a"}}"#)
        #expect(
            nested?.hasPrefix("The request has no field \"address.steet\". The fields are: street.") == true)
        #expect(nested?.hasSuffix("Did you mean \"street\"?") == true)
        #expect(try fault(#"{"zzz":1}"#)?.contains("Did you mean") == false)
    }

    @Test func refusesAnUnknownNameOfAnEnumeration() throws {
        #expect(
            try fault(#"{"color":"COLOR_GREN"}"#)
                == "The field \"color\" can't be \"COLOR_GREN\". It is one of: COLOR_RED, COLOR_GREEN.\n"
                + "Did you mean \"COLOR_GREEN\"?")
    }

    @Test func whatTheRegistryTellsMayMoveNoCursor() throws {
        let hostile = RequestSchema(
            ValueRecord(name: "A", type: "A", values: [ValueRecord(name: "nam\u{9B}e\n", type: "string")]))
        let text = try #require(try fault(#"{"nam\u009be":1}"#, hostile))
        #expect(text.unicodeScalars.allSatisfy { $0.isHarmless || $0 == "\n" })
        #expect(text.filter { $0 == "\n" }.count == 1)
    }

    @Test func recordsOfGoAreTakenForWhatTheyAre() throws {
        let generated = RequestSchema(
            ValueRecord(
                name: "Request", type: "Request",
                values: [
                    ValueRecord(
                        name: "MessageState", type: "MessageState",
                        values: [ValueRecord(name: "NoUnkeyedLiterals", type: "NoUnkeyedLiterals")]),
                    ValueRecord(name: "int32", type: "int32"),
                    ValueRecord(name: "unknownFields", type: "[]uint8"),
                    ValueRecord(name: "name", type: "string"),
                ]))
        #expect(try fault(#"{"name":"x"}"#, generated) == nil)
        #expect(try fault(#"{"nme":"x"}"#, generated)?.contains("The fields are: name.") == true)

        // A field without a JSON name has that of its type, so nothing is known of the keys.
        let untagged = RequestSchema(
            ValueRecord(name: "R", type: "R", values: [ValueRecord(name: "string", type: "string")]))
        #expect(try fault(#"{"Name":"x"}"#, untagged) == nil)
        #expect(try fault(#"{"x":1}"#, RequestSchema(ValueRecord(name: "Context", type: "Context"))) == nil)
    }
}
