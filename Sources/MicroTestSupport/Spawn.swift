internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The start of a process by `posix_spawn`.
enum Spawn {
    /// Starts a process with a pipe as its input and files as its outputs.
    ///
    /// - Parameters:
    ///   - path: The program's file.
    ///   - arguments: The arguments, beginning with the program's name.
    ///   - environment: The variables, each as `name=value`.
    ///   - output: The file for the standard output.
    ///   - errorOutput: The file for the standard error.
    /// - Returns: The number of the process, and the descriptor that feeds its input.
    /// - Throws: A ``TestSupportError`` if the system refuses.
    static func start(
        _ path: String, _ arguments: [String], environment: [String], output: String, errorOutput: String
    ) throws -> (process: Int32, input: Int32) {
        // One at a time: a program that started between the making of a pipe and its marking would
        // hold the other's input open.
        try lock.withLock { _ in
            try startAlone(path, arguments, environment, output, errorOutput)
        }
    }

    private static let lock = Mutex(())

    private static func startAlone(
        _ path: String, _ arguments: [String], _ environment: [String], _ output: String,
        _ errorOutput: String
    ) throws -> (process: Int32, input: Int32) {
        let pipe = try inputPipe()
        defer { close(pipe.reader) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pipe.reader, 0)
        let flags = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errorOutput, flags, 0o600)

        keepDescriptors()

        // A process inherits the signals that the starting thread blocks, and threads of the
        // concurrency runtime block nearly all: the program would never see a SIGTERM. It inherits
        // the ignored ones as well.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var process: Int32 = 0
        let result = withCStrings(arguments) { arguments in
            withCStrings(environment) { environment in
                posix_spawn(&process, path, &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else {
            close(pipe.writer)
            throw TestSupportError("The program \(path) can't be started: errno \(result)")
        }
        return (process, pipe.writer)
    }

    /// Keeps this process's descriptors from its programs: SwiftNIO does not mark its sockets, and a
    /// program that holds a listener keeps it open after it was closed here.
    private static func keepDescriptors() {
        for descriptor in Int32(3)..<4096 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }

    /// Makes a pipe that no other process inherits.
    private static func inputPipe() throws -> (reader: Int32, writer: Int32) {
        var pair: [Int32] = [-1, -1]
        guard pipe(&pair) == 0 else { throw TestSupportError("pipe(): errno \(errno)") }
        for descriptor in pair { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return (pair[0], pair[1])
    }

    /// Calls a closure with an array of C strings and the null pointer at its end, valid meanwhile.
    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
