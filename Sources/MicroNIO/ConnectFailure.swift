internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Says in plain words why a connection could not be opened, or was lost.
package enum ConnectFailure {
    /// Returns the reason of a failed connect.
    ///
    /// - Parameter error: What a `ClientBootstrap` threw.
    /// - Returns: A phrase without the address, such as `connection refused`; several are told when the
    ///   addresses of a name failed in different ways.
    package static func reason(of error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if error.connectionErrors.isEmpty, error.dnsAError != nil || error.dnsAAAAError != nil {
                return unresolved(error.host)
            }
            var reasons: [String] = []
            for failure in error.connectionErrors {
                let reason = reason(of: failure.error)
                if !reasons.contains(reason) { reasons.append(reason) }
            }
            return reasons.joined(separator: ", ")
        case ChannelError.connectTimeout(let limit):
            return "no answer within \(limit.nanoseconds / 1_000_000) ms"
        case SocketAddressError.unknown(let host, _):
            return unresolved(host)
        case let error as IOError:
            return phrase(error.errnoCode) ?? "\(error)"
        default:
            return "\(error)"
        }
    }

    /// Whether a connection failed because its peer has closed it, with bytes unread.
    ///
    /// - Parameter error: What the connection failed with.
    /// - Returns: Whether it was reset.
    package static func isPeersClose(_ error: any Error) -> Bool {
        guard let error = error as? IOError else { return false }
        return error.errnoCode == ECONNRESET || error.errnoCode == EPIPE
    }

    /// Resolving a name needs files, too, and its errors don't tell that they could not be opened.
    private static func unresolved(_ host: String) -> String {
        let reason = FileDescriptors.areUsedUp ? ": \(FileDescriptors.exhaustion)" : ""
        return "the name \(host) can't be resolved\(reason)"
    }

    private static func phrase(_ code: CInt) -> String? {
        switch code {
        case ECONNREFUSED: "connection refused"
        case ECONNRESET, EPIPE: "connection reset"
        case EHOSTUNREACH: "no route to the host"
        case ENETUNREACH: "no route to the network"
        case ETIMEDOUT: "no answer"
        case ENOENT: "there is no such socket"
        case EACCES, EPERM: "not permitted"
        case EMFILE: FileDescriptors.exhaustion
        case ENFILE: FileDescriptors.exhaustionOfSystem
        default: nil
        }
    }
}
