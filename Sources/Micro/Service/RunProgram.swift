#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Runs what a program does; if it fails, says why and ends the process with the status 1.
///
/// An error that leaves the top level of a Swift program ends it with a crash report. This is the better
/// end for a program: one line on standard error.
///
/// ```swift
/// await runProgram {
///     try await MicroService("greeter") { … }.run()
/// }
/// ```
///
/// - Parameter body: What the program does.
public func runProgram(_ body: () async throws -> Void) async {
    do {
        try await body()
    } catch {
        let program = CommandLine.arguments.first?.split(separator: "/").last ?? "program"
        // If it can't be written there is nobody left to tell.
        _ = StandardStream.error.write(Array("\(program): \(error)\n".utf8))
        exit(1)
    }
}

extension MicroService {
    /// Runs the service as a program of its own: until it is told to stop, and with a line on standard error
    /// and the status 1 if it fails.
    public func main() async { await runProgram { try await run() } }
}
