internal import Foundation
internal import Synchronization

/// A program that a test starts, whose output it reads, and which it stops by its handle.
///
/// The program is killed when the last reference to this object goes.
///
/// ```swift
/// let server = try ForeignProgram("nats-server", ["-p", "\(port)"], package: "nats-server")
/// try await server.waitForOutput("Server is ready")
/// …
/// await server.stop()
/// ```
public final class ForeignProgram: Sendable {
    private struct State {
        var output = Data()
        var errorOutput = Data()
        var openStreams = 2
        var status: Int32?

        /// Takes what a stream has brought; nothing at all is the stream's end.
        mutating func append(_ data: Data, to stream: WritableKeyPath<Self, Data>) {
            if data.isEmpty { openStreams -= 1 } else { self[keyPath: stream].append(data) }
        }
    }

    private let name: String
    private let process: Process
    private let input: FileHandle
    private let state: Shared

    // The process's handlers hold this and not the program, so that the program can go.
    private final class Shared: Sendable {
        let value = Mutex(State())
    }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - executable: A path, or a name that is looked up in `PATH`.
    ///   - arguments: The program's arguments.
    ///   - environment: Variables beside those of this process.
    ///   - package: The Debian package to name when the program isn't there.
    /// - Throws: A ``TestSupportError`` if the program isn't there or can't be started.
    public init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        package: String? = nil
    ) throws {
        guard let path = Self.find(executable) else {
            let advice = package.map { " Install it with: apt-get install \($0)" } ?? ""
            throw TestSupportError("The program \(executable) isn't there.\(advice)")
        }
        // Writing to a program that has ended must be an error, not the end of the tests.
        signal(SIGPIPE, SIG_IGN)
        let state = Shared()
        let process = Process()
        let (input, output, errorOutput) = (Pipe(), Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errorOutput
        process.terminationHandler = { ended in
            state.value.withLock { $0.status = ended.terminationStatus }
        }
        Self.collect(output) { data in state.value.withLock { $0.append(data, to: \.output) } }
        Self.collect(errorOutput) { data in state.value.withLock { $0.append(data, to: \.errorOutput) } }
        do {
            try Self.withoutBlockedSignals { try process.run() }
        } catch {
            throw TestSupportError("The program \(path) can't be started: \(error)")
        }
        (self.name, self.process, self.state) = (executable, process, state)
        self.input = input.fileHandleForWriting
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// The number of the process.
    public var processIdentifier: Int32 { process.processIdentifier }

    /// What the program has written to its standard output so far.
    public var output: String { state.value.withLock { String(decoding: $0.output, as: UTF8.self) } }

    /// What the program has written to its standard error so far.
    public var errorOutput: String {
        state.value.withLock { String(decoding: $0.errorOutput, as: UTF8.self) }
    }

    /// Writes to the program's standard input.
    ///
    /// - Parameter text: What to write.
    /// - Throws: An error if the program has ended or closed its input.
    public func write(_ text: String) throws {
        try input.write(contentsOf: Data(text.utf8))
    }

    /// Closes the program's standard input.
    public func closeInput() {
        // Closed twice or after the program's end: it is closed, which is what was asked.
        try? input.close()
    }

    /// Waits until the program has written a text to either output.
    ///
    /// - Parameters:
    ///   - text: What to wait for.
    ///   - limit: How long to wait before giving up.
    /// - Throws: A ``TestSupportError`` with all output if the program ends first or the time is up.
    public func waitForOutput(_ text: String, limit: Duration = .seconds(30)) async throws {
        try await wait("to write \"\(text)\"", limit: limit) { program, ended in
            if program.output.contains(text) || program.errorOutput.contains(text) { return true }
            if ended { throw TestSupportError("\(program.name) ended before it wrote \"\(text)\".") }
            return false
        }
    }

    /// Waits for the program's end.
    ///
    /// - Parameter limit: How long to wait before giving up.
    /// - Returns: The exit status, or the number of the signal that ended it.
    /// - Throws: A ``TestSupportError`` if the time is up.
    @discardableResult
    public func exitStatus(limit: Duration = .seconds(30)) async throws -> Int32 {
        try await wait("to end", limit: limit) { _, ended in ended }
        return state.value.withLock { $0.status ?? -1 }
    }

    /// Asks the program to end (SIGTERM), kills it if it doesn't, and waits until it is gone.
    public func stop() async {
        guard process.isRunning else { return }
        process.terminate()
        do {
            try await exitStatus(limit: .seconds(5))
        } catch {
            kill(process.processIdentifier, SIGKILL)
            // Nothing outlives SIGKILL; if the wait itself is cancelled, nobody asks any more.
            _ = try? await exitStatus(limit: .seconds(5))
        }
    }

    private func wait(
        _ what: String, limit: Duration, until condition: (ForeignProgram, Bool) throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + limit
        while true {
            let ended = state.value.withLock { $0.status != nil && $0.openStreams == 0 }
            if try condition(self, ended) { return }
            guard ContinuousClock.now < deadline else {
                throw TestSupportError(
                    "Waited \(limit) for \(name) \(what).\nOutput: \(output)\nErrors: \(errorOutput)")
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    // A program inherits the signals that the starting thread blocks, and threads of the concurrency
    // runtime block nearly all: the program would never see a SIGTERM.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var previous = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        try body()
    }

    private static func find(_ executable: String) -> String? {
        if executable.contains("/") { return executable }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        // Servers such as nginx or rabbitmq live where an ordinary user's PATH doesn't look.
        let directories = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        return directories.map { "\($0)/\(executable)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func collect(_ pipe: Pipe, _ receive: @escaping @Sendable (Data) -> Void) {
        pipe.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            receive(data)
        }
    }
}
