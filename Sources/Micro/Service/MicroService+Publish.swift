extension MicroService: EventPublisher {}
extension RunningService: EventPublisher {}
