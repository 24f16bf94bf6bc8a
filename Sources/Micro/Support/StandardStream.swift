#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Where a program writes: its standard output and its standard error.
package enum StandardStream: Int32 {
    case output = 1
    case error = 2

    /// Writes bytes at once, all of them; the calling thread waits while the reader is slow.
    ///
    /// - Parameter bytes: The bytes, as they are.
    /// - Returns: 0, or the system's `errno` if they can't be written.
    package func write(_ bytes: [UInt8]) -> Int32 {
        bytes.withUnsafeBytes { buffer in
            // Sound because the buffer is valid in here, and each part that is written lies within it.
            var rest = buffer[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                #if canImport(Darwin)
                    let count = Darwin.write(rawValue, part.baseAddress, part.count)
                #elseif canImport(Musl)
                    let count = Musl.write(rawValue, part.baseAddress, part.count)
                #else
                    let count = Glibc.write(rawValue, part.baseAddress, part.count)
                #endif
                if count < 0 {
                    guard errno == EINTR else { return errno }
                    continue
                }
                rest = rest.dropFirst(count)
            }
            return 0
        }
    }
}
