internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The requests that a user pipes in or types.
struct StandardInput {
    /// The most bytes that are read for a request; no service takes a message that is nearly as large.
    var limit = 64 << 20

    /// What is read.
    var descriptor: Int32 = STDIN_FILENO

    /// How long a thread waits for input before it looks whether anybody still wants it, in milliseconds.
    private static let patience: Int32 = 200

    /// Reads the standard input to its end.
    func read() throws(CommandFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        while let part = try nextPart() {
            bytes.append(contentsOf: part)
            try check(bytes.count)
        }
        return bytes
    }

    /// Returns the JSON values of the standard input as they come.
    func values() -> Values { Values(input: self) }

    /// The JSON values of the standard input; each is read when it is asked for.
    struct Values: AsyncSequence {
        fileprivate let input: StandardInput

        struct Iterator: AsyncIteratorProtocol {
            private let input: StandardInput
            private var splitter = ValueSplitter()
            private var complete: [[UInt8]] = []
            private var hasEnded = false

            fileprivate init(_ input: StandardInput) { self.input = input }

            /// Returns the next value, or `nil` at the end of the input or when the task is cancelled.
            mutating func next() async throws -> [UInt8]? {
                while complete.isEmpty, !hasEnded {
                    guard try await input.waitUntilReadable() else { return nil }
                    if let part = try input.nextPart() {
                        complete = splitter.values(part)
                        try input.check(splitter.pendingCount)
                    } else {
                        hasEnded = true
                        complete = splitter.end().map { [$0] } ?? []
                    }
                }
                return complete.isEmpty ? nil : complete.removeFirst()
            }
        }

        func makeAsyncIterator() -> Iterator { Iterator(input) }
    }

    /// Waits until the next read doesn't block, on a thread that may wait.
    ///
    /// - Returns: Whether there is something to read, or the end; `false` if the task is cancelled.
    private func waitUntilReadable() async throws -> Bool {
        while !Task.isCancelled {
            let isReadable = try await NIOThreadPool.singleton.runIfActive {
                var input = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                // Sound because the call is given one structure and told so. An error is found by reading.
                return poll(&input, 1, Self.patience) != 0
            }
            if isReadable { return true }
        }
        return false
    }

    private func check(_ count: Int) throws(CommandFailure) {
        guard count <= limit else {
            throw CommandFailure("A request on standard input has more than \(limit) bytes.", .usage)
        }
    }

    /// Reads what there is, and waits for it if need be; `nil` at the end.
    private func nextPart() throws(CommandFailure) -> ArraySlice<UInt8>? {
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // Sound because the call writes no more than the array's own size into it.
            let count = part.withUnsafeMutableBytes { systemRead($0.baseAddress, $0.count) }
            if count == 0 { return nil }
            if count > 0 { return part.prefix(count) }
            guard errno == EINTR else {
                throw CommandFailure("The standard input can't be read: errno \(errno).", .other)
            }
        }
    }

    private func systemRead(_ buffer: UnsafeMutableRawPointer?, _ size: Int) -> Int {
        #if canImport(Darwin)
            Darwin.read(descriptor, buffer, size)
        #elseif canImport(Musl)
            Musl.read(descriptor, buffer, size)
        #else
            Glibc.read(descriptor, buffer, size)
        #endif
    }
}
