/// What RFC 9113, sections 8.2 and 8.3, say of the fields of a request, as they are read one by one.
///
/// nghttp2 has the same rules, but only for all streams of a connection or for none. Some protocols on top of HTTP
/// have to be lenient: calls that came into a go-micro fleet through its HTTP gateway have fields of HTTP/1.1 among
/// their metadata. So nghttp2's rules are switched off, and these hold in their place. They tell two kinds of
/// violations apart: those that no request may have, and those that a stream may excuse.
///
/// It is a class since a struct in a class would be opened for exclusive access, checked at run time, for each field
/// of each request.
final class RequestRules {
    typealias Violation = RequestViolation

    /// What no request may have.
    private var violation: Violation?

    /// What a request may not have whose stream excuses nothing.
    private var leniency: Violation?

    /// What `content-length` says, if it is there and a number.
    private(set) var contentLength: Int64?

    private var seen: Seen = []
    private var isConnect = false
    private var isOptions = false
    private var isHTTP = false
    private var isPathRegular = false
    private var isPathAsterisk = false

    private struct Seen: OptionSet {
        let rawValue: UInt8

        static let method = Seen(rawValue: 1)
        static let scheme = Seen(rawValue: 2)
        static let path = Seen(rawValue: 4)
        static let authority = Seen(rawValue: 8)
        static let host = Seen(rawValue: 16)
        static let regular = Seen(rawValue: 32)
        static let contentLength = Seen(rawValue: 64)
    }

    /// Forgets the request before.
    func reset() {
        violation = nil
        leniency = nil
        contentLength = nil
        seen = []
        isConnect = false
        isOptions = false
        isHTTP = false
        isPathRegular = false
        isPathAsterisk = false
    }

    /// Takes a field of a head.
    ///
    /// - Parameters:
    ///   - field: What the name means.
    ///   - isNameKnown: Whether the name is one that somebody knows, so that it is surely well-formed.
    ///   - name: The name.
    ///   - value: The value.
    func add(
        _ field: FieldName?, isNameKnown: Bool, name: UnsafeBufferPointer<UInt8>,
        value: UnsafeBufferPointer<UInt8>
    ) {
        guard name.first == UInt8(ascii: ":") else {
            return addRegular(field, isNameKnown: isNameKnown, name: name, value: value)
        }
        if seen.contains(.regular) { refuse("a pseudo-header field behind another field") }
        switch field {
        case .method:
            if value.equals("POST") { return see(.method, true) }
            see(.method, value.allSatisfy(FieldBytes.isToken))
            isConnect = value.equals("CONNECT")
            isOptions = value.equals("OPTIONS")
        case .scheme:
            isHTTP = value.equals("http") || value.equals("https")
            see(.scheme, isHTTP || FieldBytes.isScheme(value))
        case .path:
            see(.path, FieldBytes.areVisible(value))
            isPathRegular = value.first == UInt8(ascii: "/")
            isPathAsterisk = value.equals("*")
        case .authority: see(.authority, value.allSatisfy(FieldBytes.isAuthority))
        default: refuse("a pseudo-header field that requests don't have")
        }
        if value.isEmpty { refuse("an empty pseudo-header field") }
    }

    /// Takes a field of the trailers.
    func addTrailer(
        _ field: FieldName?, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
    ) {
        guard name.first != UInt8(ascii: ":") else { return refuse("a pseudo-header field in trailers") }
        addRegular(field, isNameKnown: false, name: name, value: value)
    }

    private func addRegular(
        _ field: FieldName?, isNameKnown: Bool, name: UnsafeBufferPointer<UInt8>,
        value: UnsafeBufferPointer<UInt8>
    ) {
        seen.insert(.regular)
        if !FieldBytes.areValue(value) { refuse("a control character in a value") }
        if FieldBytes.hasWhiteSpaceAtEdge(value) { excuse("white space at the edge of a value") }
        switch field {
        case nil:
            if !isNameKnown, !FieldBytes.areName(name) {
                refuse("a name with a character that names don't have")
            }
        case .host: addHost(value)
        case .connectionSpecific: excuse("a field of the connection of HTTP/1.1")
        case .contentLength: addContentLength(value)
        case .te: if !FieldBytes.isTrailers(value) { refuse("a te that is not trailers") }
        case .empty: refuse("an empty name")
        default: return
        }
    }

    private func addHost(_ value: UnsafeBufferPointer<UInt8>) {
        if seen.contains(.host) || value.isEmpty || !value.allSatisfy(FieldBytes.isAuthority) {
            excuse("a host that is none, or a second one")
        }
        seen.insert(.host)
    }

    private func addContentLength(_ value: UnsafeBufferPointer<UInt8>) {
        let length = FieldBytes.number(value)
        if seen.contains(.contentLength) || length == nil {
            excuse("a content-length that is no number, or a second one")
        }
        seen.insert(.contentLength)
        contentLength = length
    }

    /// Returns what makes a message malformed, if anything does.
    ///
    /// - Parameter isExcused: Whether its stream excuses what can be excused.
    /// - Returns: What is wrong with it.
    func violation(isExcused: Bool) -> Violation? { violation ?? (isExcused ? nil : leniency) }

    /// Records that the head is complete.
    func headEnded() {
        guard violation == nil else { return }
        if isConnect {
            contentLength = nil
            if !seen.isDisjoint(with: [.scheme, .path]) || !seen.contains(.authority) {
                refuse("a CONNECT that has :scheme or :path, or no :authority")
            }
        } else if !seen.isSuperset(of: [.method, .scheme, .path]) {
            refuse("no :method, :scheme or :path")
        } else if seen.isDisjoint(with: [.authority, .host]) {
            refuse("neither :authority nor host")
        } else if isHTTP, !isPathRegular, !(isPathAsterisk && isOptions) {
            refuse("a :path that does not begin with a slash")
        }
    }

    private func see(_ field: Seen, _ isWellFormed: Bool) {
        if seen.contains(field) { refuse("a pseudo-header field twice") }
        if !isWellFormed { refuse("a pseudo-header field with a character that it can't have") }
        seen.insert(field)
    }

    private func refuse(_ violation: Violation) { self.violation = self.violation ?? violation }

    private func excuse(_ violation: Violation) { leniency = leniency ?? violation }
}

/// What is wrong with a malformed request, for a log.
public typealias RequestViolation = StaticString
