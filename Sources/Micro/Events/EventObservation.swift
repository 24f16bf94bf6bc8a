import MicroCore
import Tracing

extension SubscriberInstruments {
    /// Returns a handler whose events are measured.
    func around(_ handler: EventHandler) -> EventHandler {
        EventHandler(check: { event throws(MicroError) in try handler.check(event) }) { event in
            let start = Uptime.now
            let acknowledgement = await handler(event)
            self.processed(from: start, acknowledgement)
            return acknowledgement
        }
    }
}

extension EngineTracing {
    /// Returns a handler with a span of each of its events, whose fields are in place of those that came.
    func around(_ handler: EventHandler, topic: String, broker: String) -> EventHandler {
        EventHandler(check: { event throws(MicroError) in try handler.check(event) }) { event in
            let started = received("process \(topic)", .consumer, Metadata(traceOf: event.event.header))
            var event = event
            event.event.header = event.event.header.filter { name, _ in
                !started.fields.contains { $0.name.caseInsensitiveEquals(name) }
            }
            event.event.header.merge(EventHeader.fields(of: started.fields)) { $1 }
            let seen = event
            let acknowledgement = await ServiceContext.withValue(started.span.context) {
                await handler(seen)
            }
            started.end(
                event: "process", topic: topic, broker: broker,
                error: acknowledgement == .ack ? nil : MetricLabels.other)
            return acknowledgement
        }
    }
}
