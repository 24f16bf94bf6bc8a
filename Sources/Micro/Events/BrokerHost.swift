internal import Logging
import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// The broker of a service or client, which is made and run only once somebody uses it.
final class BrokerHost: Sendable {
    private enum State {
        case unused
        case made(any Broker)
        case failed(StartError)
    }

    private let factory: @Sendable () throws(StartError) -> any Broker
    private let state = Mutex(State.unused)
    private let isWanted = Latch()

    /// Creates a host.
    ///
    /// - Parameter factory: Makes the broker.
    init(_ factory: @escaping @Sendable () throws(StartError) -> any Broker) { self.factory = factory }

    /// Returns the broker; makes it when it is first asked for.
    ///
    /// - Throws: Why there is none, the same each time.
    func start() throws(StartError) -> any Broker {
        // The broker is made under the lock, so that there is one, and it is prepared once.
        let result = state.withLock { state -> Result<any Broker, StartError> in
            switch state {
            case .made(let broker): return .success(broker)
            case .failed(let error): return .failure(error)
            case .unused: break
            }
            do throws(StartError) {
                let broker = try factory()
                state = .made(broker)
                return .success(broker)
            } catch {
                state = .failed(error)
                return .failure(error)
            }
        }
        isWanted.open()
        return try result.get()
    }

    /// Returns the broker for an event that is published; makes it when it is first asked for.
    func broker() throws(MicroError) -> any Broker {
        do {
            return try start()
        } catch {
            throw MicroError(.failedPrecondition, error.message, id: ClientErrors.id, processed: .no)
        }
    }

    /// Runs the broker while a closure runs, if and when it is used.
    ///
    /// - Parameters:
    ///   - onFailure: Told why the broker can't be used any more.
    ///   - body: What uses the broker.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw.
    func whileRunning<Value: Sendable, Failure: Error>(
        onFailure: @escaping @Sendable (any Error) -> Void, _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withTaskGroup(of: Void.self) { group in
            // Runs the broker once it is used, until the closure has ended and the group is cancelled.
            group.addTask { await self.run(onFailure) }
            defer { group.cancelAll() }
            do throws(Failure) {
                return Result<Value, Failure>.success(try await body())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func run(_ onFailure: @Sendable (any Error) -> Void) async {
        await isWanted.wait()
        guard !Task.isCancelled, case .made(let broker) = state.withLock({ $0 }) else { return }
        do {
            try await broker.run()
        } catch {
            guard !Task.isCancelled else { return }
            Logger.current.error(
                "The broker failed.", metadata: [LogKeys.error: "\("\(error)".printable(limit: 2000))"])
            let reason =
                error as? StartError ?? StartError(.unavailable, "The broker failed: \(error)")
            state.withLock { $0 = .failed(reason) }
            onFailure(reason)
        }
    }
}
