#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What the process uses, as Linux tells it; nothing elsewhere.
struct ProcessUsage: Sendable {
    /// Memory that is in use, in bytes.
    var memory: UInt64 = 0

    var threads: UInt64 = 0

    /// The present usage.
    static var current: ProcessUsage { ProcessUsage(status: read("/proc/self/status")) }

    /// Reads a text such as `/proc/self/status`.
    init(status: String) {
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
