#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Asks the process to end; a service that handles signals takes it for a request to stop.
///
/// Only for the bodies of exit tests, which run in processes of their own: this one has other tests to run.
func raiseTermination() { kill(getpid(), SIGTERM) }
