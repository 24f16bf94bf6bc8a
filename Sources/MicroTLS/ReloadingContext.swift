internal import Logging
internal import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// The native context that new connections use: it follows the files that it is made of.
///
/// The files are looked at when a connection is made and the last look is an interval ago, so nothing runs in the
/// background that somebody would have to end, and a process that opens no connections reads no files. What counts is the
/// contents: files that were replaced, linked anew or written in place look alike, and one that was only touched is left
/// alone. They are a few kilobytes, so the look takes some ten microseconds; only a change is parsed, which takes
/// about a millisecond.
///
/// A connection keeps the context that it began with, so a change ends none.
final class ReloadingContext: Sendable {
    private struct State {
        var native: NativeContext

        /// What the files held of which the context was made.
        var fingerprint: Int?

        /// When to look again, as a time of the stopwatch.
        var nextLook: Duration

        /// Why the changed files can't be used.
        var failure: String?

        /// The failure that was logged.
        var loggedFailure: String?
    }

    /// How soon files are tried again that can't be used: a pair may be half-written.
    private static let retryInterval = Duration.seconds(1)

    private let make: @Sendable () throws(StartError) -> NativeContext
    private let paths: [String]
    private let interval: Duration?
    private let stopwatch: Stopwatch
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads the files for the first time.
    ///
    /// - Parameters:
    ///   - configuration: Certificates, trust and rules.
    ///   - role: Which side of the connections it is for.
    ///   - alpn: The application protocols by preference.
    ///   - clock: The clock of the interval.
    /// - Throws: A ``StartError`` that names the file or text, what is wrong with it, and what to do.
    init(
        _ configuration: TLSConfiguration, role: TLSContext.Role, alpn: [String], clock: any Clock<Duration>
    ) throws(StartError) {
        let make = { @Sendable () throws(StartError) -> NativeContext in
            try NativeContext(configuration, role: role, alpn: alpn)
        }
        let paths = configuration.paths
        // Before the files are read: a change between the two is seen as one.
        let fingerprint = Self.fingerprint(of: paths)
        let interval = configuration.reloadInterval
        self.make = make
        self.paths = paths
        self.interval = paths.isEmpty || interval <= .zero ? nil : interval
        stopwatch = Stopwatch(clock)
        logger = .current
        state = Mutex(State(native: try make(), fingerprint: fingerprint, nextLook: interval))
    }

    /// The context for a new connection.
    var current: NativeContext {
        guard let interval else { return state.withLock(\.native) }
        let now = stopwatch.elapsed
        let (native, isDue) = state.withLock { state in
            guard now >= state.nextLook else { return (state.native, false) }
            // One connection looks; others that begin at the same time don't wait for it.
            state.nextLook = now + interval
            return (state.native, true)
        }
        guard isDue else { return native }
        do throws(StartError) {
            try look()
        } catch {
            report(error)
        }
        return state.withLock(\.native)
    }

    /// Looks at the files now.
    ///
    /// - Returns: Whether they have changed, so that new connections use others than before.
    /// - Throws: A ``StartError`` that says why the changed files can't be used.
    @discardableResult
    func look() throws(StartError) -> Bool {
        let fingerprint = Self.fingerprint(of: paths)
        guard fingerprint == nil || fingerprint != state.withLock(\.fingerprint) else {
            // Perhaps as they were before a change that could not be used.
            state.withLock { ($0.failure, $0.loggedFailure) = (nil, nil) }
            return false
        }
        let native = try make()
        state.withLock { state in
            state.native = native
            state.fingerprint = fingerprint
            (state.failure, state.loggedFailure) = (nil, nil)
        }
        logger.notice(
            "The TLS files have changed: new connections use them.", metadata: ["micro.tls.files": files])
        return true
    }

    /// Logs once why changed files can't be used, if that is so at two looks, one after the other.
    private func report(_ error: StartError) {
        let now = stopwatch.elapsed
        let isNews = state.withLock { state in
            state.nextLook = min(state.nextLook, now + Self.retryInterval)
            defer { state.failure = error.message }
            guard state.failure == error.message, state.loggedFailure != error.message else { return false }
            state.loggedFailure = error.message
            return true
        }
        guard isNews else { return }
        logger.warning(
            "The TLS files have changed and can't be used. Connections go on with what they held before, and the files are tried again.",
            metadata: [
                "micro.tls.files": files, "error.message": "\(error.message.printable(limit: 2000))",
            ])
    }

    private var files: Logger.MetadataValue { .array(paths.map { .string($0.printable(limit: 1000)) }) }

    /// What tells the files' contents from others; `nil` if a file can't be read.
    ///
    /// It is a hash with a key of this process, from which nothing of a private key follows.
    private static func fingerprint(of paths: [String]) -> Int? {
        var hasher = Hasher()
        for path in paths {
            guard let bytes = try? SmallFile.bytes(of: path, limit: PEMText.maximumSize) else { return nil }
            hasher.combine(bytes)
        }
        return hasher.finalize()
    }
}

extension TLSConfiguration {
    /// The paths of its files.
    fileprivate var paths: [String] {
        [certificateChain, privateKey, trustRoots].compactMap { source in
            if case .file(let path)? = source { path } else { nil }
        }
    }
}
