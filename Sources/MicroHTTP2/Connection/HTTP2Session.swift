import CNghttp2

/// One nghttp2 session: HTTP/2 framing, HPACK and flow control of a connection.
///
/// It is used on its connection's event loop only. What nghttp2 reports it hands to the connection
/// while ``receive(_:)`` or ``send()`` runs. In these moments the connection may submit frames, but
/// neither receive, send nor close: nghttp2 forbids it, and ``HTTP2Connection`` makes sure of that.
///
/// The unsafe pointers of the engine live here and in the other files of this folder. They are sound
/// because a session outlives every callback that it makes (it is freed in `deinit`, which can't run
/// while one of its functions does), and because the connection and the streams that nghttp2 holds
/// pointers to outlive the session's use of them: the connection owns the session, and keeps each
/// stream until nghttp2 has closed it or the session is gone.
final class HTTP2Session {
    private let session: OpaquePointer

    /// Why the session can't go on, if it did not take something that was submitted for want of memory or the
    /// like.
    private(set) var failure: SessionFailure?

    /// Creates a session.
    ///
    /// - Throws: A ``SessionFailure`` if there is no memory for it.
    init(role: HTTP2Role) throws(SessionFailure) {
        var created: OpaquePointer?
        let callbacks = SessionCallbacks.shared.pointer
        let result =
            switch role {
            case .server:
                nghttp2_session_server_new2(&created, callbacks, nil, SessionOptions.server.pointer)
            case .client:
                nghttp2_session_client_new2(&created, callbacks, nil, SessionOptions.client.pointer)
            }
        guard result == 0, let created else { throw SessionFailure(reason: HTTP2Session.text(of: result)) }
        session = created
    }

    /// Makes the session report to a connection, which owns it.
    func attach(_ connection: HTTP2Connection) {
        nghttp2_session_set_user_data(session, Unmanaged.passUnretained(connection).toOpaque())
    }

    deinit { nghttp2_session_del(session) }

    // MARK: Bytes

    /// Takes in bytes that the peer sent.
    ///
    /// - Returns: What is wrong with them, or `nil`. The connection can't be used any more then.
    func receive(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard let base = bytes.bindMemory(to: UInt8.self).baseAddress else { return nil }
        let result = nghttp2_session_mem_recv(session, base, bytes.count)
        return result < 0 ? HTTP2Session.text(of: CInt(clamping: result)) : nil
    }

    /// Returns the next bytes to send, which are valid until the next call; empty if there are none.
    func send() -> Result<UnsafeRawBufferPointer, SessionFailure> {
        var data: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(session, &data)
        guard count >= 0 else {
            return .failure(SessionFailure(reason: HTTP2Session.text(of: CInt(clamping: count))))
        }
        return .success(UnsafeRawBufferPointer(start: data, count: count))
    }

    /// Whether the session has nothing more to receive or send, so that the connection can be closed.
    var isDone: Bool { nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 }

    /// How many streams the peer allows us at once; a hundred until its settings have come.
    var peersStreamLimit: Int {
        Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    /// Whether there is something to send.
    var wantsToSend: Bool { nghttp2_session_want_write(session) != 0 }

    // MARK: Connection

    /// The longest header list that can be sent, in bytes as RFC 9113, section 6.5.2, counts them: what the peer
    /// takes, and what nghttp2 sends.
    var headerListLimit: Int {
        let peers = nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE)
        return Int(min(peers, Self.longestBlock))
    }

    /// nghttp2's own bound (`NGHTTP2_MAX_HEADERSLEN`), which counts less for each field than RFC 9113 does.
    private static let longestBlock: UInt32 = 64 << 10

    /// Announces our settings, and opens the connection's window to a size.
    func submitSettings(_ settings: [(id: nghttp2_settings_id, value: Int)], connectionWindow: Int) {
        let entries = settings.map {
            nghttp2_settings_entry(settings_id: Int32($0.id.rawValue), value: UInt32(clamping: $0.value))
        }
        look(nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count))
        look(
            nghttp2_session_set_local_window_size(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(clamping: connectionWindow)))
    }

    /// Sends a ping, which the peer has to answer.
    func submitPing() { look(nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)) }

    /// Announces that the connection is about to go away, without refusing streams yet.
    func submitShutdownNotice() { look(nghttp2_submit_shutdown_notice(session)) }

    /// Refuses the streams that we haven't seen yet.
    func submitGoAway() {
        look(
            nghttp2_submit_goaway(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session),
                NGHTTP2_NO_ERROR.rawValue, nil, 0))
    }

    /// Ends the connection with an error: what was submitted before is sent, and then a GOAWAY.
    func terminate(_ code: HTTP2ErrorCode) {
        look(nghttp2_session_terminate_session(session, code.rawValue))
    }

    // MARK: Streams

    /// Ties a stream of ours to a stream of nghttp2's.
    func setStream(_ stream: HTTP2Stream?, for id: Int32) {
        nghttp2_session_set_stream_user_data(
            session, id, stream.map { Unmanaged.passUnretained($0).toOpaque() })
    }

    /// Begins a stream with a request, and a body that the stream provides if it is to have one.
    ///
    /// - Returns: The id of the stream, or `nil` if no more can be opened on this connection, or if the session
    ///   has failed.
    func submitRequest(_ fields: FieldBlock, for stream: HTTP2Stream, hasBody: Bool) -> Int32? {
        let id = fields.withNV { vectors, count in
            let data = Unmanaged.passUnretained(stream).toOpaque()
            guard hasBody else { return nghttp2_submit_request(session, nil, vectors, count, nil, data) }
            var provider = SessionCallbacks.provider(for: stream)
            return nghttp2_submit_request(session, nil, vectors, count, &provider, data)
        }
        return look(id) ? id : nil
    }

    /// Answers with a head, and a body that the stream provides if it is to have one.
    ///
    /// A stream whose answer isn't taken is reset.
    func submitResponse(_ fields: FieldBlock, for stream: HTTP2Stream, hasBody: Bool) {
        let result = fields.withNV { vectors, count in
            guard hasBody else { return nghttp2_submit_response(session, stream.id, vectors, count, nil) }
            var provider = SessionCallbacks.provider(for: stream)
            return nghttp2_submit_response(session, stream.id, vectors, count, &provider)
        }
        if !look(result) { reset(stream.id, .internalError) }
    }

    /// Answers with a head that needs no copy, and a body that the stream provides.
    func submitResponse(_ fields: PermanentFieldBlock, for stream: HTTP2Stream) {
        var provider = SessionCallbacks.provider(for: stream)
        let result = nghttp2_submit_response(session, stream.id, fields.vectors, fields.count, &provider)
        if !look(result) { reset(stream.id, .internalError) }
    }

    /// Ends a stream with trailers behind its body.
    ///
    /// - Returns: Whether they were taken.
    func submitTrailers(_ fields: FieldBlock, for id: Int32) -> Bool {
        look(fields.withNV { vectors, count in nghttp2_submit_trailer(session, id, vectors, count) })
    }

    /// Ends a stream with trailers that need no copy.
    ///
    /// - Returns: Whether they were taken.
    func submitTrailers(_ fields: PermanentFieldBlock, for id: Int32) -> Bool {
        look(nghttp2_submit_trailer(session, id, fields.vectors, fields.count))
    }

    /// Asks the stream for its body again, after it had none to give.
    func resumeBody(of id: Int32) { look(nghttp2_session_resume_data(session, id)) }

    /// Whether the peer's windows let a stream send more of its body.
    func hasRoom(on id: Int32) -> Bool {
        nghttp2_session_get_remote_window_size(session) > 0
            && nghttp2_session_get_stream_remote_window_size(session, id) > 0
    }

    /// Resets a stream.
    func reset(_ id: Int32, _ code: HTTP2ErrorCode) {
        look(nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue))
    }

    /// Opens the connection's window by bytes that came.
    func consumeConnection(_ count: Int) { look(nghttp2_session_consume_connection(session, count)) }

    /// Opens a stream's window by bytes that were used.
    func consumeStream(_ id: Int32, _ count: Int) { look(nghttp2_session_consume_stream(session, id, count)) }

    /// Looks at the result of a function of the session.
    ///
    /// After an error that is fatal, such as of memory, the session can't be used any more, and the next flush
    /// closes the connection. Any other is one of the stream.
    @discardableResult private func look(_ result: CInt) -> Bool {
        guard result < 0 else { return true }
        if nghttp2_is_fatal(result) != 0 {
            failure = failure ?? SessionFailure(reason: HTTP2Session.text(of: result))
        }
        return false
    }

    private static func text(of code: CInt) -> String { String(cString: nghttp2_strerror(code)) }
}

/// Why a session can't go on.
package struct SessionFailure: Error {
    package let reason: String
}

/// How all sessions of a role are set up.
///
/// Sendable because the memory is written only in the initialiser, by one thread, and is read-only
/// and never freed from then on.
private struct SessionOptions: @unchecked Sendable {
    static let server = SessionOptions(.server)
    static let client = SessionOptions(.client)

    let pointer: OpaquePointer?

    private init(_ role: HTTP2Role) {
        var created: OpaquePointer?
        nghttp2_option_new(&created)
        // A slow reader must close its own window only, so we say what has been used.
        nghttp2_option_set_no_auto_window_update(created, 1)
        // Closed streams are kept only for the tree of priorities, which we don't use.
        nghttp2_option_set_no_closed_streams(created, 1)
        // FloodGuard bounds both more exactly, and answers with the right code.
        micro_nghttp2_lift_reset_limit(created)
        nghttp2_option_set_max_outbound_ack(created, 10_000)
        switch role {
        case .server:
            // RequestRules has the rules for requests, and knows of exceptions.
            nghttp2_option_set_no_http_messaging(created, 1)
        case .client:
            // Some servers send white space at the edges of values as it is: gRPC's C core, for one.
            micro_nghttp2_allow_white_space_at_edges(created)
        }
        pointer = created
    }
}
