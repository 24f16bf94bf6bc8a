public import MicroCore
public import SwiftProtobuf

/// The messages that gRPC services everywhere tell more of an error with (`google.rpc`, error details).
///
/// ```swift
/// throw MicroError(.invalidArgument, "The order can't be placed.", details: [
///     ErrorDetails.BadRequest.with {
///         $0.fieldViolations = [.with { $0.field = "amount"; $0.description_p = "It must be above zero." }]
///     }
/// ])
/// ```
///
/// A caller reads them by their type:
///
/// ```swift
/// } catch let error as MicroError {
///     if let pause = error.detail(ErrorDetails.RetryInfo.self)?.retryDelay { … }
/// }
/// ```
public enum ErrorDetails {
    /// Why the call failed, for programs: a reason, where it has its meaning, and more by keys.
    public typealias ErrorInfo = Google_Rpc_ErrorInfo
    /// When the caller may try again.
    public typealias RetryInfo = Google_Rpc_RetryInfo
    /// What helps to find a fault; not for callers that are not trusted.
    public typealias DebugInfo = Google_Rpc_DebugInfo
    /// Which quotas are used up.
    public typealias QuotaFailure = Google_Rpc_QuotaFailure
    /// Which preconditions don't hold.
    public typealias PreconditionFailure = Google_Rpc_PreconditionFailure
    /// Which fields of the request are wrong.
    public typealias BadRequest = Google_Rpc_BadRequest
    /// By what the request is found again.
    public typealias RequestInfo = Google_Rpc_RequestInfo
    /// Which resource the error is about.
    public typealias ResourceInfo = Google_Rpc_ResourceInfo
    /// Where there is more to read.
    public typealias Help = Google_Rpc_Help
    /// What a user of the calling program may be shown.
    public typealias LocalizedMessage = Google_Rpc_LocalizedMessage
}

extension MicroError {
    /// Creates an error with details, which gRPC clients of every language read.
    ///
    /// - Parameters:
    ///   - status: The gRPC status.
    ///   - detail: What happened, for a person to read.
    ///   - id: Who reports the error; the service that answers if it is empty.
    ///   - details: More of it, for programs: of ``ErrorDetails``, or messages of your own.
    public init(
        _ status: RPCStatus, _ detail: String, id: String = "", details: [any SwiftProtobuf.Message]
    ) {
        self.init(status, detail, id: id)
        for detail in details { add(detail) }
    }

    /// Adds a detail behind those that are there.
    ///
    /// Set the status and the text before: the details go with a copy of both.
    ///
    /// - Parameter detail: The detail: one of ``ErrorDetails``, or a message of your own. One that can't be encoded
    ///   is left out.
    public mutating func add(_ detail: any SwiftProtobuf.Message) {
        guard let packed = try? Google_Protobuf_Any(message: detail, partial: true) else { return }
        let encoded = Google_Rpc_Status.with {
            $0.code = Int32(clamping: status.rawValue)
            $0.message = self.detail
            $0.details = allDetails + [packed]
        }
        // The message has neither required fields nor extensions, so this does not fail.
        rpcDetails = (try? encoded.serializedBytes()) ?? rpcDetails
    }

    /// All details, of whatever types; empty if there are none, or if they can't be read.
    public var allDetails: [Google_Protobuf_Any] {
        guard let rpcDetails else { return [] }
        return (try? Google_Rpc_Status(serializedBytes: rpcDetails))?.details ?? []
    }

    /// Returns the first detail of a type.
    ///
    /// - Parameter type: The type, such as ``ErrorDetails/RetryInfo``.
    /// - Returns: The detail, or `nil` if there is none of the type that can be read.
    public func detail<Detail: SwiftProtobuf.Message>(_ type: Detail.Type) -> Detail? {
        allDetails.lazy.filter { $0.isA(type) }.compactMap { try? Detail(unpackingAny: $0) }.first
    }
}
