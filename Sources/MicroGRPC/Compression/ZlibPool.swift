import MicroCore
import Synchronization

/// The zlib streams that nobody uses at the moment.
///
/// Messages are compressed in the tasks of their calls, which run on any thread, so the streams belong to the
/// process. There are as many as were ever used at once, and a few of them stay.
final class ZlibPool<Stream: AnyObject & Sendable>: Sendable {
    private let idle = Mutex<[Stream]>([])
    private let make: @Sendable () -> Stream?

    private init(make: @escaping @Sendable () -> Stream?) { self.make = make }

    /// Calls a closure with a stream; `nil` if there is no memory for one.
    func with<Result, Failure: Error>(_ body: (Stream) throws(Failure) -> Result) throws(Failure) -> Result? {
        guard let stream = idle.withLock({ $0.popLast() }) ?? make() else { return nil }
        defer {
            idle.withLock { idle in
                if idle.count < zlibPoolSize { idle.append(stream) }
            }
        }
        return try body(stream)
    }
}

/// How many streams of a kind are kept while nobody uses them.
private let zlibPoolSize = 8

extension ZlibPool where Stream == Deflater {
    private static let gzip = ZlibPool { Deflater(.gzip) }
    private static let deflate = ZlibPool { Deflater(.deflate) }

    /// The streams that compress to a format.
    static func of(_ compression: Compression) -> ZlibPool { compression == .gzip ? gzip : deflate }
}

extension ZlibPool where Stream == Inflater {
    /// The streams that restore what was compressed, in whatever format.
    static let inflaters = ZlibPool { Inflater() }
}
