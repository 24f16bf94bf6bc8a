#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Asks the process to end; a service that handles signals takes it for a request to stop.
func raiseTermination() { kill(getpid(), SIGTERM) }
