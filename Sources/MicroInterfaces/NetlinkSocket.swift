#if os(Linux)
    #if canImport(Glibc)
        internal import Glibc
    #else
        internal import Musl
    #endif

    /// A socket by which Linux tells of interfaces, addresses and routes (rtnetlink(7)).
    ///
    /// The C headers of it aren't part of the C library's module, so the few constants stand here.
    final class NetlinkSocket: Sendable {
        /// What can be listed.
        enum Subject: UInt16 {
            /// `RTM_GETLINK`.
            case links = 18
            /// `RTM_GETADDR`.
            case addresses = 22
        }

        /// The family of IPv6, as messages have it.
        static let ipv6Family = UInt8(AF_INET6)

        /// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV4_ROUTE`, `RTMGRP_IPV6_IFADDR` and
        /// `RTMGRP_IPV6_ROUTE`.
        static let allChanges: UInt32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400

        private static let bufferSize = 1 << 16

        private let descriptor: Int32

        /// Opens a socket.
        ///
        /// - Parameter groups: The kinds of changes that it tells of.
        init?(groups: UInt32 = 0) {
            // SOCK_RAW and SOCK_CLOEXEC, which have types of their own in some C libraries.
            descriptor = socket(AF_NETLINK, 3 | 0o2_000_000, 0)
            guard descriptor >= 0 else { return nil }
            // A sockaddr_nl: family, padding, the number of the socket, the groups.
            var address = [UInt16(AF_NETLINK), 0].flatMap(\.nativeBytes) + UInt32(0).nativeBytes
            address += groups.nativeBytes
            // Sound because the bytes are those of a sockaddr_nl, whose size is given.
            let isBound = address.withUnsafeBytes { bytes in
                bytes.assumingMemoryBound(to: sockaddr.self).baseAddress.map {
                    bind(descriptor, $0, socklen_t(bytes.count)) == 0
                } ?? false
            }
            // An answer that doesn't come must not hold anybody up.
            var limit = timeval(tv_sec: 1, tv_usec: 0)
            if groups == 0 {
                setsockopt(
                    descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            }
            guard isBound else { return nil }
        }

        deinit {
            if descriptor >= 0 { close(descriptor) }
        }

        /// Waits until something has changed.
        ///
        /// - Returns: Whether something has; not if the socket can't be used any more.
        func waitForNews() -> Bool {
            while true {
                if receive(flags: 0) != nil { return true }
                switch errno {
                case EINTR: continue
                // So much has changed that it didn't fit.
                case ENOBUFS: return true
                default: return false
                }
            }
        }

        /// Drops what has been told meanwhile, which the next look at the system will show.
        func dropNews() {
            // As many messages as may come in a moment; the rest only wakes us up again.
            for _ in 0..<1000 where receive(flags: Int32(MSG_DONTWAIT)) == nil { return }
        }

        /// Lists links or addresses.
        ///
        /// - Parameter subject: What to list.
        /// - Returns: The messages; those that came before an error.
        func dump(_ subject: Subject) -> [NetlinkMessage] {
            // nlmsghdr (length, type, NLM_F_REQUEST | NLM_F_DUMP, sequence, port), and an empty ifinfomsg, which
            // is longer than an ifaddrmsg.
            let request =
                UInt32(32).nativeBytes + subject.rawValue.nativeBytes + UInt16(0x301).nativeBytes
                + [UInt8](repeating: 0, count: 24)
            guard send(descriptor, request, request.count, 0) == request.count else { return [] }
            var messages: [NetlinkMessage] = []
            while let packet = receive(flags: 0) {
                for message in NetlinkMessage.all(in: packet) {
                    // NLMSG_ERROR and NLMSG_DONE.
                    if message.type == 2 || message.type == 3 { return messages }
                    messages.append(message)
                }
            }
            return messages
        }

        private func receive(flags: Int32) -> [UInt8]? {
            var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
            let count = recv(descriptor, &buffer, buffer.count, flags)
            return count > 0 ? Array(buffer.prefix(count)) : nil
        }
    }
#endif
