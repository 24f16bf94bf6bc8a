internal import MicroNIO
internal import NIOCore
internal import NIOPosix

/// A question to one server, and its answer, on a socket of its own.
struct DNSExchange: Sendable {
    let query: DNSQuery
    let server: DNSServer

    /// How long a connection may take to open.
    let connectTimeout: Duration

    /// Asks over UDP, from a port that the system chooses anew.
    ///
    /// - Parameter packet: The question.
    /// - Returns: The answer, which may be cut.
    /// - Throws: A ``DNSError`` if there is none.
    func overUDP(_ packet: [UInt8]) async throws(DNSError) -> DNSMessage {
        try await run { loop, address, promise in
            DatagramBootstrap(group: loop)
                .channelInitializer(reading { DatagramReader(query: query, promise: promise) })
                .connect(to: address)
                .flatMap { channel in
                    let envelope = AddressedEnvelope(remoteAddress: address, data: ByteBuffer(bytes: packet))
                    return channel.writeAndFlush(envelope).map { channel }
                }
        }
    }

    /// Asks over TCP, where an answer may have 64 KiB.
    ///
    /// - Parameter packet: The question.
    /// - Returns: The answer.
    /// - Throws: A ``DNSError`` if there is none.
    func overTCP(_ packet: [UInt8]) async throws(DNSError) -> DNSMessage {
        try await run { loop, address, promise in
            ClientBootstrap(group: loop)
                .connectTimeout(TimeAmount(max(.milliseconds(1), connectTimeout)))
                .channelInitializer(reading { StreamReader(query: query, promise: promise) })
                .connect(to: address)
                .flatMap { channel in
                    var buffer = ByteBuffer()
                    buffer.writeInteger(UInt16(clamping: packet.count))
                    buffer.writeBytes(packet)
                    return channel.writeAndFlush(buffer).map { channel }
                }
        }
    }

    /// Returns what prepares a channel: it gets a reader of its own.
    private func reading(
        _ reader: @escaping @Sendable () -> some AnswerReader
    ) -> @Sendable (any Channel) -> EventLoopFuture<Void> {
        { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(reader())
            }
        }
    }

    private func run(
        _ connect: (any EventLoop, SocketAddress, EventLoopPromise<DNSMessage>) -> EventLoopFuture<
            any Channel
        >
    ) async throws(DNSError) -> DNSMessage {
        let address: SocketAddress
        do {
            address = try SocketAddress(ipAddress: server.address.text, port: Int(server.port))
        } catch {
            throw DNSError(
                .serverFailure, "The DNS server \(server) has no address that can be used: \(error)")
        }
        let loop = EventLoops.currentOrNext
        let promise = loop.makePromise(of: DNSMessage.self)
        let channel = connect(loop, address, promise)
        channel.whenFailure { promise.fail($0) }
        // Whatever has come of it, the socket is closed.
        defer { channel.whenSuccess { $0.close(promise: nil) } }
        do {
            return try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                promise.fail(DNSError.cancelled)
            }
        } catch {
            throw error as? DNSError
                ?? DNSError(
                    .serverFailure,
                    "The DNS server \(server) can't be asked: \(ConnectFailure.reason(of: error))")
        }
    }
}

/// Waits for the message that answers a question.
private protocol AnswerReader: ChannelInboundHandler {
    var query: DNSQuery { get }
    var promise: EventLoopPromise<DNSMessage> { get }
}

extension AnswerReader {
    /// Returns the answer to the question; `nil` if the bytes are none.
    func answer(in bytes: [UInt8]) -> DNSMessage? {
        guard let message = try? DNSMessage(decoding: bytes, types: DNSQuery.types),
            query.isAnswered(by: message)
        else { return nil }
        return message
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { promise.fail(ChannelError.eof) }
}

/// Takes each datagram for a message.
private final class DatagramReader: AnswerReader {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    let query: DNSQuery
    let promise: EventLoopPromise<DNSMessage>

    /// How many others have come.
    private var strangers = 0

    /// After so many answers to other questions, somebody is guessing.
    private static let maximumStrangers = 32

    init(query: DNSQuery, promise: EventLoopPromise<DNSMessage>) {
        self.query = query
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).data.readableBytesView)
        if let message = answer(in: bytes) { return promise.succeed(message) }
        strangers += 1
        guard strangers >= Self.maximumStrangers else { return }
        promise.fail(
            DNSError(.invalidAnswer, "\(strangers) packets have come that don't answer the question."))
        context.close(promise: nil)
    }
}

/// Takes what has come behind its length for a message.
private final class StreamReader: AnswerReader {
    typealias InboundIn = ByteBuffer

    let query: DNSQuery
    let promise: EventLoopPromise<DNSMessage>
    private var buffer = ByteBuffer()

    init(query: DNSQuery, promise: EventLoopPromise<DNSMessage>) {
        self.query = query
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        buffer.writeBuffer(&part)
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt16.self),
            let bytes = buffer.getBytes(at: buffer.readerIndex + 2, length: Int(length))
        else { return }
        if let message = answer(in: bytes) {
            promise.succeed(message)
        } else {
            promise.fail(DNSError(.invalidAnswer, "What has come over TCP doesn't answer the question."))
        }
        context.close(promise: nil)
    }
}
