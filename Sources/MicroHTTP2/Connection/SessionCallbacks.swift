import CNghttp2

/// The functions that nghttp2 calls, shared by all sessions.
///
/// Each recovers the connection from the pointer that ``HTTP2Session`` was created with, and the
/// stream from the one that was tied to it, and calls them. See ``HTTP2Session`` for why the pointers
/// are valid.
///
/// Sendable because the memory is written only in the initialiser, by one thread, and is read-only
/// and never freed from then on.
struct SessionCallbacks: @unchecked Sendable {
    static let shared = SessionCallbacks()

    let pointer: OpaquePointer?

    private init() {
        var created: OpaquePointer?
        nghttp2_session_callbacks_new(&created)
        pointer = created
        nghttp2_session_callbacks_set_on_begin_headers_callback(created) { session, frame, user in
            guard let frame else { return 0 }
            let id = frame.pointee.hd.stream_id
            let isRequest = frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
            withConnection(user) { connection in
                if isRequest {
                    connection.requestBegan(streamID: id)
                } else {
                    connection.headersBegan(for: stream(session, id))
                }
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(created) {
            _, _, name, nameCount, value, valueCount, _, user in
            withConnection(user) {
                $0.fieldReceived(
                    name: UnsafeBufferPointer(start: name, count: nameCount),
                    value: UnsafeBufferPointer(start: value, count: valueCount))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(created) { session, frame, user in
            guard let frame else { return 0 }
            withConnection(user) { SessionCallbacks.frameReceived(session, frame, $0) }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(created) {
            session, flags, id, data, count, user in
            withConnection(user) {
                $0.bodyReceived(
                    UnsafeRawBufferPointer(start: data, count: count),
                    inLastFrame: UInt32(flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0,
                    for: stream(session, id))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(created) { session, id, code, user in
            guard let stream = stream(session, id) else { return 0 }
            withConnection(user) { $0.streamClosed(stream, code: code) }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(created) { session, frame, user in
            guard let frame else { return 0 }
            if UInt32(frame.pointee.hd.type) == NGHTTP2_HEADERS.rawValue {
                guard let stream = stream(session, frame.pointee.hd.stream_id) else { return 0 }
                let endsStream = endsStream(frame.pointee.hd)
                withConnection(user) { $0.headersSent(of: stream, endsStream: endsStream) }
            } else if UInt32(frame.pointee.hd.type) == NGHTTP2_GOAWAY.rawValue {
                SessionCallbacks.goAwaySent(frame.pointee.goaway, user)
            } else if UInt32(frame.pointee.hd.type) == NGHTTP2_DATA.rawValue, endsStream(frame.pointee.hd) {
                let id = frame.pointee.hd.stream_id
                withConnection(user) { $0.bodySent(streamID: id) }
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_not_send_callback(created) { session, frame, code, user in
            guard let frame, UInt32(frame.pointee.hd.type) == NGHTTP2_HEADERS.rawValue else { return 0 }
            let stream = stream(session, frame.pointee.hd.stream_id)
            withConnection(user) { $0.headersNotSent(for: stream, code: code) }
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(created) {
            _, _, frameHead, count, source, user in
            guard let frameHead, let source, let pointer = source.pointee.ptr else { return 0 }
            let stream = Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
            withConnection(user) {
                $0.writeBody(
                    of: stream, frameHead: UnsafeRawBufferPointer(start: frameHead, count: 9), count: count)
            }
            return 0
        }
    }

    /// The source of a stream's body.
    static func provider(for stream: HTTP2Stream) -> nghttp2_data_provider {
        nghttp2_data_provider(
            source: nghttp2_data_source(ptr: Unmanaged.passUnretained(stream).toOpaque()),
            read_callback: { _, _, _, limit, flags, source, _ in
                guard let source, let pointer = source.pointee.ptr, let flags else {
                    return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
                }
                let stream = Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
                return SessionCallbacks.readBody(of: stream, limit: limit, flags: flags)
            })
    }

    private static func readBody(
        of stream: HTTP2Stream, limit: Int, flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        switch stream.nextBody(limit: limit) {
        case .bytes(let count):
            flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue)
            return count
        case .lastBytes(let count, let isFollowedByTrailers):
            flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
            if count > 0 { flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue) }
            if isFollowedByTrailers { flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue) }
            return count
        case .later:
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case .failed:
            // nghttp2 resets the stream.
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
    }

    private static func goAwaySent(_ frame: nghttp2_goaway, _ user: UnsafeMutableRawPointer?) {
        // nghttp2's own bytes, which live as long as the callback runs.
        let detail = UnsafeBufferPointer(start: frame.opaque_data, count: frame.opaque_data_len)
        withConnection(user) {
            $0.goAwaySent(code: frame.error_code, detail: String(decoding: detail, as: UTF8.self))
        }
    }

    private static func frameReceived(
        _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>, _ connection: HTTP2Connection
    ) {
        let head = frame.pointee.hd
        switch nghttp2_frame_type(UInt32(head.type)) {
        case NGHTTP2_HEADERS:
            if frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
                connection.requestEnded(streamID: head.stream_id, endsStream: endsStream(head))
            } else {
                connection.headersEnded(for: stream(session, head.stream_id), endsStream: endsStream(head))
            }
        case NGHTTP2_DATA:
            guard endsStream(head), let stream = stream(session, head.stream_id) else { return }
            connection.bodyEnded(for: stream)
        case NGHTTP2_GOAWAY:
            connection.goAwayReceived()
        case NGHTTP2_PING:
            guard UInt32(head.flags) & NGHTTP2_FLAG_ACK.rawValue != 0 else { return }
            connection.pingAnswered()
        case NGHTTP2_SETTINGS:
            connection.settingsReceived(
                isAcknowledgement: UInt32(head.flags) & NGHTTP2_FLAG_ACK.rawValue != 0)
        default:
            return
        }
    }
}

/// Whether a frame has the flag END_STREAM.
private func endsStream(_ head: nghttp2_frame_hd) -> Bool {
    UInt32(head.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
}

/// Calls a closure with the connection of a session.
///
/// There are some thirty callbacks a stream, so the connection is not retained for each: it is on the stack
/// below, as the one that called the session's function.
@inline(__always)
private func withConnection(_ user: UnsafeMutableRawPointer?, _ body: (HTTP2Connection) -> Void) {
    // Never nil: a session is attached to its connection before it is used.
    Unmanaged<HTTP2Connection>.fromOpaque(user.unsafelyUnwrapped)._withUnsafeGuaranteedRef(body)
}

private func stream(_ session: OpaquePointer?, _ id: Int32) -> HTTP2Stream? {
    guard let pointer = nghttp2_session_get_stream_user_data(session, id) else { return nil }
    return Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
}
