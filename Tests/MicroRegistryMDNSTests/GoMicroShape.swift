import MicroCore

/// What go-micro v2 says of services whose messages are generated code, as in a capture of `Test.Fail`.
enum GoMicroShape {
    /// Returns endpoints, each with two messages of five fields.
    static func endpoints(_ count: Int) -> [EndpointRecord] {
        (0..<count).map { number in
            EndpointRecord(
                name: "Account.Operation\(number)", request: message("OperationRequest\(number)"),
                response: message("OperationResponse\(number)"))
        }
    }

    private static func message(_ name: String) -> ValueRecord {
        let state = ["NoUnkeyedLiterals", "DoNotCompare", "DoNotCopy", "MessageInfo"]
        return ValueRecord(
            name: name, type: name,
            values: [
                ValueRecord(
                    name: "MessageState", type: "MessageState",
                    values: state.map { ValueRecord(name: $0, type: $0) }),
                ValueRecord(name: "int32", type: "int32"),
                ValueRecord(name: "unknownFields", type: "[]uint8"),
            ] + ["id", "code", "detail", "status", "kind"].map { ValueRecord(name: $0, type: "string") })
    }
}
