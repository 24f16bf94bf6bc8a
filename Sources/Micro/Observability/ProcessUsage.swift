#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What the process uses, as Linux tells it; nothing elsewhere.
package struct ProcessUsage: Sendable {
    /// Memory that is in use, in bytes.
    package var memory: UInt64 = 0

    /// The number of threads.
    package var threads: UInt64 = 0

    /// The present usage.
    package static var current: ProcessUsage { ProcessUsage(status: read("/proc/self/status")) }

    /// Reads a text such as `/proc/self/status`.
    package init(status: String) {
        for line in status.split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard words.count >= 2, let number = UInt64(words[1]) else { continue }
            switch words[0] {
            case "VmRSS:": memory = number.multipliedReportingOverflow(by: 1024).partialValue
            case "Threads:": threads = number
            default: break
            }
        }
    }

    /// The number of open file descriptors, or `nil` where the system doesn't tell.
    package static var openDescriptors: Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        // Not "." and "..", nor the descriptor by which the folder is read.
        var count = -3
        while readdir(folder) != nil { count += 1 }
        return max(0, count)
    }

    /// The seconds of CPU that the process has used.
    package static var cpuSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Returns the beginning of a file; empty if it can't be read.
    private static func read(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 8192)
        var count = 0
        // Sound because the call writes no more than the array's own size into it.
        buffer.withUnsafeMutableBytes { bytes in
            #if canImport(Glibc)
                count = Glibc.read(descriptor, bytes.baseAddress, bytes.count)
            #elseif canImport(Musl)
                count = Musl.read(descriptor, bytes.baseAddress, bytes.count)
            #else
                count = Darwin.read(descriptor, bytes.baseAddress, bytes.count)
            #endif
        }
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}
