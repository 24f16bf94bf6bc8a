internal import Logging
import MicroCore
import MicroPluginKit

/// A subscriber's function about to be put together with coders and middleware, once, at start.
struct SubscriberBinding: Sendable {
    let info: SubscriberInfo
    let codecs: CodecSet
    let middleware: [any SubscriberMiddleware]

    /// Returns the whole of what runs for an event, or `nil` if no linked codec can decode it.
    func bind<Event: Sendable>(
        _ handler: @escaping @Sendable (Event, EventContext) async throws -> Void
    ) -> EventHandler? {
        let decoder = EventDecoder<Event>(codecs)
        guard !decoder.subtypes.isEmpty else { return nil }
        let run = wrap { context, message in
            try await handler(try decoder.decode(message, as: context.contentSubtype), context)
        }
        let info = info
        return EventHandler(
            check: { event throws(MicroError) in
                do throws(UndecodableEvent) { _ = try decoder.subtype(of: event) } catch {
                    info.refused(error, logger: nil)
                    throw MicroError(
                        .invalidArgument,
                        "A subscriber of \"\(info.topic)\" in the service \"\(info.service.name)\" can't read the event. "
                            + error.description, processed: .no)
                }
            }
        ) { received in
            var context: EventContext?
            do {
                let subtype = try decoder.subtype(of: received.event)
                let new = EventContext(received, contentSubtype: subtype, info: info)
                context = new
                try await run(new, received.event.body)
                info.counters.count(.handled)
                return .ack
            } catch {
                info.refused(error, logger: context?.logger)
                return .nack()
            }
        }
    }

    private func wrap(
        _ handler: @escaping @Sendable (EventContext, EncodedMessage) async throws -> Void
    ) -> @Sendable (EventContext, EncodedMessage) async throws -> Void {
        var run = handler
        for middleware in middleware.filter({ $0.applies(to: info) }).reversed() {
            let next = run
            run = { context, message in
                try await middleware.handle(context, next: Next { try await next(context, message) })
            }
        }
        return run
    }
}

/// The coders of a subscriber's event.
private struct EventDecoder<Event: Sendable>: Sendable {
    private let coders: [String: MessageCoder<Event>]

    /// The content subtypes that can be decoded, the preferred one first.
    let subtypes: [String]

    init(_ codecs: CodecSet) {
        var coders: [String: MessageCoder<Event>] = [:]
        for subtype in codecs.subtypes { coders[subtype] = codecs.coder(for: Event.self, subtype: subtype) }
        self.coders = coders
        subtypes = codecs.subtypes.filter { coders[$0] != nil }
    }

    /// Returns how an event is encoded.
    ///
    /// Without a content type go-micro takes it for Protobuf, and so do we where that can be decoded.
    func subtype(of event: BrokerEvent) throws(UndecodableEvent) -> String {
        let field = event.header.first { $0.key.caseInsensitiveEquals("content-type") }?.value ?? ""
        guard !field.isEmpty else {
            return coders[EventContentType.missing] == nil ? subtypes[0] : EventContentType.missing
        }
        guard let subtype = EventContentType.subtype(of: field), coders[subtype] != nil else {
            let known = subtypes.map(EventContentType.contentType).joined(separator: ", ")
            throw UndecodableEvent(
                "Unsupported Content-Type: \(field.printable(limit: 100)); it reads \(known). Publish it with "
                    + "PublishOptions(contentSubtype: \"\(subtypes[0])\"), or subscribe with the publisher's type."
            )
        }
        return subtype
    }

    func decode(_ message: EncodedMessage, as subtype: String) throws(UndecodableEvent) -> Event {
        guard let coder = coders[subtype] else { throw UndecodableEvent("Unsupported Content-Type") }
        do {
            return try message.withBytes(coder.decode)
        } catch {
            throw UndecodableEvent("The event can't be decoded: \(CodingFailure.text(error))")
        }
    }
}

/// Why an event can't be given to a subscriber's function.
private struct UndecodableEvent: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension SubscriberInfo {
    /// Counts and logs an event that could not be handled.
    ///
    /// That the service is being stopped is nothing to report.
    fileprivate func refused(_ error: any Error, logger: @autoclosure () -> Logger?) {
        if let error = error as? UndecodableEvent {
            counters.count(.undecodable)
            // A publisher can send as many of them as it likes.
            undecodable.admit { suppressed in
                environment.logger.warning(
                    "An event can't be decoded.",
                    metadata: [
                        LogKeys.topic: "\(topic)", LogKeys.error: "\(error)",
                        LogKeys.suppressed: "\(suppressed)",
                    ])
            }
            return
        }
        counters.count(.failed)
        if error is CancellationError, Task.isCancelled { return }
        (logger() ?? environment.logger).error(
            "A subscriber failed.",
            metadata: [
                LogKeys.topic: "\(topic)", LogKeys.reference: "\(ServiceEnvironment.newReference())",
                LogKeys.error: "\("\(error)".printable(limit: 2000))",
            ])
    }
}
