extension MicroService: EventPublisher {}
extension RunningService: EventPublisher {}
extension LifecycleContext: EventPublisher {}
