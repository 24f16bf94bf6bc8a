import MicroCore

/// A call of gRPC's health service, by which a client asks whether an ejected node is well again.
enum HealthCheck {
    private static let path = "/grpc.health.v1.Health/Check"

    /// The answer that a node serves: field 1 is 1.
    private static let serving: [UInt8] = [0x08, 0x01]

    /// Returns whether a node says that it serves.
    ///
    /// One that has no health service, or shows it only to others, is taken to be well since it answers.
    ///
    /// - Parameters:
    ///   - connection: A connection to the node.
    ///   - deadline: Until when it may answer.
    /// - Returns: Whether it serves.
    static func passes(_ connection: any Connection, deadline: ContinuousClock.Instant) async -> Bool {
        do {
            let reply = try await connection.unary(
                CallHead(path: path, contentSubtype: "proto", deadline: deadline), EncodedMessage())
            return reply.message.bytes == serving
        } catch {
            return switch error.status {
            case .unimplemented, .notFound, .unauthenticated, .permissionDenied: true
            default: false
            }
        }
    }
}
