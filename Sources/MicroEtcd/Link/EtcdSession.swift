internal import MicroCore
internal import MicroGRPC
internal import SwiftProtobuf
internal import Synchronization

/// A connection to one member, and who we are there.
final class EtcdSession: Sendable {
    /// The member.
    let endpoint: EtcdEndpoint

    /// The connection.
    let connection: GRPCConnection

    private let token = Mutex<String?>(nil)

    init(_ connection: GRPCConnection, to endpoint: EtcdEndpoint) {
        self.connection = connection
        self.endpoint = endpoint
    }

    /// Asks for a token, with which later calls prove who we are.
    func authenticate(
        _ credentials: EtcdCredentials, until deadline: ContinuousClock.Instant
    ) async throws(MicroError) {
        let request = EtcdPBAuthenticateRequest.with {
            $0.name = credentials.user
            $0.password = credentials.password
        }
        do {
            // etcd refuses a request for a token that comes with one that is too old.
            let response = try await unary(.authenticate, request, as: Metadata(), until: deadline)
            token.withLock { $0 = response.token }
        } catch  where error.detail.contains("authentication is not enabled") {
            // An etcd that asks nobody who he is serves us as well.
            token.withLock { $0 = nil }
        }
    }

    /// Makes a call.
    func unary<Request, Response>(
        _ call: EtcdCall<Request, Response>, _ request: Request, until deadline: ContinuousClock.Instant
    ) async throws(MicroError) -> Response {
        try await unary(call, request, as: metadata, until: deadline)
    }

    private func unary<Request, Response>(
        _ call: EtcdCall<Request, Response>, _ request: Request, as metadata: Metadata,
        until deadline: ContinuousClock.Instant
    ) async throws(MicroError) -> Response {
        let head = CallHead(path: call.path, metadata: metadata, deadline: deadline)
        let reply = try await connection.unary(head, try EtcdCoding.encode(request))
        return try EtcdCoding.decode(reply.message)
    }

    /// Begins a streaming call, which a member ends that has lost its cluster.
    ///
    /// - Parameters:
    ///   - path: The call.
    ///   - deadline: When it ends at the latest; `nil` for no limit.
    /// - Returns: The stream.
    /// - Throws: A ``MicroError`` that says why there is none.
    func open(
        _ path: String, until deadline: ContinuousClock.Instant? = nil
    ) async throws(MicroError) -> any ClientCallStream {
        var metadata = metadata
        metadata.add("true", for: "hasleader")
        return try await connection.open(CallHead(path: path, metadata: metadata, deadline: deadline))
    }

    private var metadata: Metadata {
        var metadata = Metadata()
        if let token = token.withLock(\.self) { metadata.add(token, for: "token") }
        return metadata
    }
}
