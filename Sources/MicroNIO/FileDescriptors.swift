#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The file descriptors that the process may have.
package enum FileDescriptors {
    /// How many the process may have open, as `ulimit -n` says.
    package static var limit: Int { sysconf(Int32(_SC_OPEN_MAX)) }

    /// Whether the process can't open another one; looks at it by opening one.
    package static var areUsedUp: Bool {
        let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard descriptor < 0 else {
            close(descriptor)
            return false
        }
        return errno == EMFILE || errno == ENFILE
    }

    /// What is wrong when the process has used up its file descriptors, and what to do.
    package static var exhaustion: String {
        "all \(limit) file descriptors of the process are in use; raise the limit with ulimit -n, or "
            + "LimitNOFILE= of a systemd unit"
    }

    /// What is wrong when the system has used up its file descriptors, and what to do.
    package static var exhaustionOfSystem: String {
        "all file descriptors of the system are in use; raise the limit with sysctl fs.file-max"
    }
}
