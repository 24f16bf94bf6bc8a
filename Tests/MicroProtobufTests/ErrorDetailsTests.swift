import Micro
import MicroCore
import MicroProtobuf
import SwiftProtobuf
import Testing

@Suite("Details of errors", .timeLimit(.minutes(2)))
struct ErrorDetailsTests {
    private let refusal = ErrorDetails.BadRequest.with {
        $0.fieldViolations = [
            .with {
                $0.field = "amount"
                $0.description_p = "It must be above zero."
            }
        ]
    }
    private let pause = ErrorDetails.RetryInfo.with { $0.retryDelay = .with { $0.seconds = 3 } }

    @Test("are read by their types, the others too")
    func byType() {
        let error = MicroError(.invalidArgument, "The order can't be placed.", details: [refusal, pause])
        #expect(error.detail(ErrorDetails.BadRequest.self) == refusal)
        #expect(error.detail(ErrorDetails.RetryInfo.self) == pause)
        #expect(error.detail(ErrorDetails.ErrorInfo.self) == nil)
        #expect(
            error.allDetails.map(\.typeURL) == [
                "type.googleapis.com/google.rpc.BadRequest", "type.googleapis.com/google.rpc.RetryInfo",
            ])
    }

    @Test("stand in a status with the number and the text of the error, as gRPC's libraries check")
    func status() throws {
        var error = MicroError(.unavailable, "Full.")
        error.add(ErrorDetails.ErrorInfo.with { $0.reason = "FULL" })
        let status = try Google_Rpc_Status(serializedBytes: try #require(error.rpcDetails))
        #expect(status.code == 14 && status.message == "Full." && status.details.count == 1)
    }

    @Test("that are damaged are none")
    func damaged() {
        var error = MicroError(.unknown, "x")
        #expect(error.allDetails.isEmpty)
        error.rpcDetails = [0x1A, 0xFF]
        #expect(error.allDetails.isEmpty && error.detail(ErrorDetails.Help.self) == nil)
    }
}
