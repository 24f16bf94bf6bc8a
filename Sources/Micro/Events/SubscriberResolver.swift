import MicroCore
import MicroPluginKit

/// A subscriber with what runs for its events.
struct ResolvedSubscriber: Sendable {
    let info: SubscriberInfo
    let subscription: SubscriptionOptions
    let handler: EventHandler
    let record: EndpointRecord

    /// What measures it, if anybody wants that.
    let instruments: SubscriberInstruments?
}

/// Puts all subscribers of a service together with coders and middleware.
enum SubscriberResolver {
    /// Returns the subscribers in go-micro's order: by topic, the last one first.
    ///
    /// - Throws: A ``StartError`` for a topic that no broker takes, or an event that no codec can decode.
    static func resolve(
        _ subscribers: [Subscriber], environment: ServiceEnvironment, codecs: CodecSet,
        middleware: [any SubscriberMiddleware], metrics: EngineMetrics?, tracing: EngineTracing?,
        broker: String
    ) throws(StartError) -> [ResolvedSubscriber] {
        var resolved: [ResolvedSubscriber] = []
        for subscriber in subscribers {
            let info = SubscriberInfo(subscriber.subscription, environment: environment)
            let binding = SubscriberBinding(info: info, codecs: codecs, middleware: middleware)
            guard let handler = subscriber.bind(binding) else { throw undecodable(subscriber, codecs) }
            let instruments = metrics.map { SubscriberInstruments($0, topic: info.topic, broker: broker) }
            let measured = instruments.map { $0.around(handler) } ?? handler
            resolved.append(
                ResolvedSubscriber(
                    info: info, subscription: subscriber.subscription,
                    handler: tracing.map { $0.around(measured, topic: info.topic, broker: broker) }
                        ?? measured,
                    record: subscriber.record, instruments: instruments))
        }
        return resolved.sorted { $0.info.topic > $1.info.topic }
    }

    /// Checks that a broker can do what the subscribers ask for.
    static func check(_ subscribers: [ResolvedSubscriber], broker: any Broker) throws(StartError) {
        for subscriber in subscribers {
            do {
                try subscriber.subscription.check(offered: broker.deliveries, by: broker.name)
            } catch let error as StartError {
                throw error
            } catch {
                throw StartError(
                    .invalidConfiguration,
                    (error as? MicroError)?.detail ?? "The subscription can't be used: \(error)")
            }
        }
    }

    private static func undecodable(_ subscriber: Subscriber, _ codecs: CodecSet) -> StartError {
        let linked =
            codecs.subtypes.isEmpty ? "no codec is linked" : "the linked codecs can't decode its type"
        return StartError(
            .unknownPlugin,
            "The subscriber of \"\(subscriber.topic)\" can't be served: \(linked). \(CodecSet.advice)")
    }
}
