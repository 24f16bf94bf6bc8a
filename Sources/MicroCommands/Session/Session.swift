internal import ArgumentParser
public import Micro
public import MicroCore
internal import MicroPluginKit
internal import UnixSignals

/// One run of a command: a client that lives as long, an end by signals, and an exit status.
public enum Session {
    /// Runs a command with a client, and reports how it failed.
    ///
    /// - Parameters:
    ///   - global: The options of all commands.
    ///   - body: The command.
    /// - Throws: The exit status, once the failure was reported.
    public static func run(
        _ global: GlobalOptions, _ body: @escaping @Sendable (MicroClient) async throws -> Void
    ) async throws {
        try await reporting { try await running(try global.sources(), registry: nil, body) }
    }

    /// Runs a command; writes one line to standard error if it fails, and sets the exit status.
    ///
    /// - Parameter body: The command.
    /// - Throws: The exit status, once the failure was reported.
    public static func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            let failure = CommandFailure(error)
            if let message = failure.message { Output.writeError(message) }
            throw ArgumentParser.ExitCode(failure.status.rawValue)
        }
    }

    /// Runs something with a client until it is done, or SIGINT or SIGTERM comes.
    ///
    /// - Parameters:
    ///   - sources: The client's configuration.
    ///   - registry: The registry; that of the configuration if `nil`.
    ///   - selector: The selector; that of the configuration if `nil`.
    ///   - isEndless: Whether a signal is the only way to end it, and so no failure.
    ///   - body: The command.
    /// - Throws: What the command threw, or that a signal came.
    public static func running(
        _ sources: ConfigurationSources, registry: (any Registry)? = nil, selector: (any Selector)? = nil,
        isEndless: Bool = false, _ body: @escaping @Sendable (MicroClient) async throws -> Void
    ) async throws {
        try Log.configure(environment: sources.environment)
        let client = MicroClient(registry: registry, selector: selector, configuration: sources)
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        try await withThrowingTaskGroup(of: UnixSignal?.self) { group in
            // The command, and the signals that end it: whichever ends first has the other one cancelled.
            group.addTask {
                try await withMicroClient(client, body)
                return nil
            }
            group.addTask {
                for await signal in signals { return signal }
                return nil
            }
            // The first to end decides; what the other one says after that is not of interest.
            defer { group.cancelAll() }
            if let signal = try await group.next().flatMap(\.self), !isEndless {
                throw CommandFailure(signal: signal.rawValue)
            }
        }
    }

    /// Runs something with a client that SIGINT and SIGTERM end in order.
    ///
    /// - Parameters:
    ///   - sources: The client's configuration.
    ///   - body: The command, which returns soon after it is told to stop.
    /// - Throws: What the command threw.
    static func untilStopped(
        _ sources: ConfigurationSources,
        _ body: @escaping @Sendable (_ client: MicroClient, _ stop: Latch) async throws -> Void
    ) async throws {
        try Log.configure(environment: sources.environment)
        let client = MicroClient(configuration: sources)
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let stop = Latch()
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Passes signals on until the command has ended and the group is cancelled.
            group.addTask { for await _ in signals { stop.open() } }
            defer { group.cancelAll() }
            try await withMicroClient(client) { try await body($0, stop) }
        }
    }
}
