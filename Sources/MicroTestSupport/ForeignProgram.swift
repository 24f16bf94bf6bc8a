internal import Foundation
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A program that a test starts, whose output it reads, and which it stops by its handle.
///
/// The program is killed when the last reference to this object goes. Its outputs go to files, which
/// are removed with it, so that a program that nobody reads never stops on a full pipe.
///
/// ```swift
/// let server = try ForeignProgram("nats-server", ["-p", "\(port)"], package: "nats-server")
/// try await server.waitForOutput("Server is ready")
/// …
/// await server.stop()
/// ```
public final class ForeignProgram: Sendable {
    private struct State {
        var status: Int32?
        var input: Int32?
    }

    /// The number of the process.
    public let processIdentifier: Int32

    private let name: String
    private let directory: URL
    private let state: Mutex<State>

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
        name = executable
        directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("micro-program-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let variables = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        let spawned = try Spawn.start(
            path, [executable] + arguments, environment: variables.map { "\($0.key)=\($0.value)" },
            output: directory.appendingPathComponent("output").path,
            errorOutput: directory.appendingPathComponent("errors").path)
        processIdentifier = spawned.process
        state = Mutex(State(input: spawned.input))
    }

    deinit {
        closeInput()
        if status == nil {
            kill(processIdentifier, SIGKILL)
            waitpid(processIdentifier, nil, 0)
        }
        // Files that stay are a nuisance in /tmp, not a failed test.
        try? FileManager.default.removeItem(at: directory)
    }

    /// What the program has written to its standard output so far.
    public var output: String { text(of: "output") }

    /// What the program has written to its standard error so far.
    public var errorOutput: String { text(of: "errors") }

    /// The exit status, 128 plus the number of the signal that ended the program, or `nil` if it runs.
    public var status: Int32? {
        state.withLock { state in
            guard state.status == nil else { return state.status }
            var raw: Int32 = 0
            // Under the lock, so that the process is waited for once and its number stays ours.
            guard waitpid(processIdentifier, &raw, WNOHANG) == processIdentifier else { return nil }
            state.status = raw & 0x7F == 0 ? (raw >> 8) & 0xFF : 128 + (raw & 0x7F)
            return state.status
        }
    }

    /// Writes to the program's standard input.
    ///
    /// - Parameter text: What to write.
    /// - Throws: A ``TestSupportError`` if the program has ended or its input is closed.
    public func write(_ text: String) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = try state.withLock { state in
                guard let input = state.input else {
                    throw TestSupportError("The input of \(name) is closed.")
                }
                return rest.withUnsafeBytes { Foundation.write(input, $0.baseAddress, $0.count) }
            }
            guard count > 0 else { throw TestSupportError("\(name) doesn't read its input: errno \(errno)") }
            rest = rest.dropFirst(count)
        }
    }

    /// Closes the program's standard input.
    public func closeInput() {
        state.withLock { state in
            if let input = state.input { close(input) }
            state.input = nil
        }
    }

    /// Waits until the program has written a text to either output.
    ///
    /// - Parameters:
    ///   - text: What to wait for.
    ///   - limit: How long to wait before giving up.
    /// - Throws: A ``TestSupportError`` with all output if the program ends first or the time is up.
    public func waitForOutput(_ text: String, limit: Duration = .seconds(30)) async throws {
        try await wait("to write \"\(text)\"", limit: limit) {
            let ended = status != nil
            if output.contains(text) || errorOutput.contains(text) { return true }
            guard !ended else {
                throw TestSupportError("\(name) ended before it wrote \"\(text)\": \(output)\(errorOutput)")
            }
            return false
        }
    }

    /// Waits for the program's end.
    ///
    /// - Parameter limit: How long to wait before giving up.
    /// - Returns: The exit status, or 128 plus the number of the signal that ended it.
    /// - Throws: A ``TestSupportError`` if the time is up.
    @discardableResult
    public func exitStatus(limit: Duration = .seconds(30)) async throws -> Int32 {
        try await wait("to end", limit: limit) { status != nil }
        return status ?? -1
    }

    /// Sends the program a signal if it runs.
    ///
    /// - Parameter number: The signal, such as `SIGTERM`.
    public func send(signal number: Int32) {
        guard status == nil else { return }
        kill(processIdentifier, number)
    }

    /// Asks the program to end (SIGTERM), kills it if it doesn't, and waits until it is gone.
    public func stop() async {
        send(signal: SIGTERM)
        do {
            try await exitStatus(limit: .seconds(5))
        } catch {
            send(signal: SIGKILL)
            // Nothing outlives SIGKILL; if the wait itself is cancelled, nobody asks any more.
            _ = try? await exitStatus(limit: .seconds(5))
        }
    }

    private func wait(_ what: String, limit: Duration, until condition: () throws -> Bool) async throws {
        let deadline = ContinuousClock.now + limit
        while try !condition() {
            guard ContinuousClock.now < deadline else {
                throw TestSupportError(
                    "Waited \(limit) for \(name) \(what).\nOutput: \(output)\nErrors: \(errorOutput)")
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private func text(of file: String) -> String {
        guard let data = FileManager.default.contents(atPath: directory.appendingPathComponent(file).path)
        else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    private static func find(_ executable: String) -> String? {
        if executable.contains("/") { return executable }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        // Servers such as nginx or rabbitmq live where an ordinary user's PATH doesn't look.
        let directories = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        return directories.map { "\($0)/\(executable)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
