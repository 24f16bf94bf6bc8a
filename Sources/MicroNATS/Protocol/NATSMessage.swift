public import NIOCore

/// A message that a subscription received, or the answer to a request.
///
/// It shares the memory in which it arrived: subject, headers and payload are read when they are asked
/// for, and the payload isn't copied.
public struct NATSMessage: Sendable {
    /// The message as it arrived, with its control line.
    private let frame: ByteBuffer
    private let subjectStart: UInt16
    private let subjectLength: UInt16
    private let replyStart: UInt16
    private let replyLength: UInt16
    private let lineLength: UInt16
    private let headerLength: UInt32

    /// Creates a message of a whole frame.
    ///
    /// - Parameters:
    ///   - frame: The message as it arrived, which ends with CR and LF.
    ///   - subject: Where the subject lies in it.
    ///   - reply: Where the reply subject lies; empty if there is none.
    ///   - headerLength: How long the headers are.
    ///   - lineLength: How long the control line is, with its end.
    init(frame: ByteBuffer, subject: Range<Int>, reply: Range<Int>, headerLength: Int, lineLength: Int) {
        self.frame = frame
        subjectStart = UInt16(truncatingIfNeeded: subject.lowerBound)
        subjectLength = UInt16(truncatingIfNeeded: subject.count)
        replyStart = UInt16(truncatingIfNeeded: reply.lowerBound)
        replyLength = UInt16(truncatingIfNeeded: reply.count)
        self.lineLength = UInt16(truncatingIfNeeded: lineLength)
        self.headerLength = UInt32(truncatingIfNeeded: headerLength)
    }

    /// The subject to which it was sent, without the wildcards of the subscription.
    public var subject: String { text(subjectStart, subjectLength) }

    /// The subject to which an answer goes, if one is wanted.
    public var reply: String? { replyLength > 0 ? text(replyStart, replyLength) : nil }

    /// The payload.
    public var payload: ByteBuffer {
        frame.getSlice(at: payloadStart, length: payloadLength) ?? ByteBuffer()
    }

    /// The number of bytes of the payload.
    public var payloadLength: Int { max(frame.readableBytes - Int(lineLength) - Int(headerLength) - 2, 0) }

    /// The headers; empty if it has none, or if they are malformed.
    public var headers: NATSHeaders {
        guard headerLength > 0, let block = headerBlock else { return NATSHeaders() }
        return NATSHeaders(parsing: block) ?? NATSHeaders()
    }

    /// The status that the server itself answers with, such as 503 when nobody responds.
    public var status: NATSStatus? {
        guard headerLength > 0, let block = headerBlock else { return nil }
        return NATSStatus(parsing: block)
    }

    /// Whether the message has headers.
    public var hasHeaders: Bool { headerLength > 0 }

    /// What it counts towards the limits of a subscription.
    var weight: Int { frame.readableBytes }

    /// The reply subject's bytes, to find a request by.
    var subjectBytes: ByteBufferView {
        frame.viewBytes(at: frame.readerIndex + Int(subjectStart), length: Int(subjectLength))
            ?? frame.readableBytesView
    }

    private var payloadStart: Int { frame.readerIndex + Int(lineLength) + Int(headerLength) }

    private var headerBlock: ByteBufferView? {
        frame.viewBytes(at: frame.readerIndex + Int(lineLength), length: Int(headerLength))
    }

    private func text(_ start: UInt16, _ length: UInt16) -> String {
        frame.getString(at: frame.readerIndex + Int(start), length: Int(length)) ?? ""
    }
}
