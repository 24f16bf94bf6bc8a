internal import Logging
internal import MicroCore
internal import MicroNIO
internal import MicroPluginKit
internal import Synchronization

// What is logged, counted, and sent to listeners.
extension NATSCore {
    func report(_ report: NATSMachine.Report) {
        switch report {
        case .connected(let server):
            counters.connections.add(1, ordering: .relaxed)
            logger.info("Connected to the NATS server.", metadata: ["server.address": "\(server)"])
            events.send(NATSEvent(.connected, server: "\(server)"))
        case .discovered(let server):
            logger.debug("A NATS server was discovered.", metadata: ["server.address": "\(server)"])
            events.send(NATSEvent(.discovered, server: "\(server)"))
        case .lameDuck(let server):
            logger.info("The NATS server is about to stop.", metadata: ["server.address": "\(server)"])
            events.send(NATSEvent(.lameDuck, server: "\(server)"))
        case .serverError(let server, let subject, let error, let isFatal):
            counters.serverErrors.add(1, ordering: .relaxed)
            if !isFatal { reportError(of: server, subject: subject, error) }
        case .disconnected(let server, let reason):
            events.send(NATSEvent(.disconnected, server: "\(server)", error: reason))
        case .reconnecting(let server, let reason):
            endThrottle.admit { suppressed in
                logger.warning(
                    "The connection to the NATS server has ended; another one is opened.",
                    metadata: [
                        "server.address": "\(server)", "error.message": "\(reason)",
                        "suppressed": "\(suppressed)",
                    ])
            }
        case .unreachable(let server, let reason, let isLasting):
            let metadata: Logger.Metadata = ["server.address": "\(server)", "error.message": "\(reason)"]
            if isLasting {
                logger.warning("No connection to the NATS server; it is tried again.", metadata: metadata)
            } else {
                logger.debug("No connection to the NATS server.", metadata: metadata)
            }
        case .plaintext(let server, let hasCredentials): warnOfPlaintext(server, hasCredentials)
        case .unsent(let count, let code, let reason): reportUnsent(count, code, reason)
        case .closed:
            events.send(NATSEvent(.closed))
            events.close()
        }
    }

    private func reportError(of server: NATSServer, subject: String?, _ error: NATSError) {
        throttle.admit { suppressed in
            logger.warning(
                "The NATS server reports an error.",
                metadata: [
                    "server.address": "\(server)", "error.message": "\(error)", "suppressed": "\(suppressed)",
                ])
        }
        events.send(NATSEvent(.serverError, server: "\(server)", subject: subject, error: error))
    }

    private func warnOfPlaintext(_ server: NATSServer, _ hasCredentials: Bool) {
        guard !ListenAddress.host(server.host, port: server.port).isLocal else { return }
        logger.warning(
            "The connection to the NATS server is not encrypted. Use TLS.",
            metadata: [
                "server.address": "\(server)",
                "micro.nats.credentials": "\(hasCredentials ? "sent" : "none")",
            ])
    }

    private func reportUnsent(_ count: Int, _ code: NATSError.Code, _ reason: String) {
        counters.messagesUnsent.add(count, ordering: .relaxed)
        logger.warning(
            "NATS messages were not sent, or may not have been.",
            metadata: ["micro.nats.messages": "\(count)", "error.message": "\(reason.printable())"])
        events.send(NATSEvent(.unsent, error: NATSError(code, "\(count) messages were not sent. \(reason)")))
    }

    /// Counts and reports messages that a subscription had no room for.
    func report(dropped: Int, _ receiver: Receiver) {
        if dropped > 0 { counters.messagesDropped.add(dropped, ordering: .relaxed) }
        guard receiver.beginsToDrop(dropped) else { return }
        let subject = receiver.subject
        throttle.admit { suppressed in
            logger.warning(
                "A NATS subscription drops messages, since its reader is too slow.",
                metadata: [
                    "messaging.destination.name": "\(subject.printable())",
                    "micro.nats.dropped": "\(dropped)", "suppressed": "\(suppressed)",
                ])
        }
        let error = NATSError(
            .slowConsumer, "The subscription of \(subject) drops messages, since its reader is too slow.")
        events.send(NATSEvent(.slowConsumer, subject: subject, error: error))
    }
}
