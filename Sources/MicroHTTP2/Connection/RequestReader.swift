/// What reads the requests of a server's connection: the delegate, and the rules of HTTP.
///
/// It is one object with what each field of each request needs, so that nothing is retained for a field.
final class RequestReader {
    let delegate: any HTTP2ServerDelegate

    /// What is wrong with the request, or with its trailers, that is being read.
    let rules = RequestRules()

    init(_ delegate: any HTTP2ServerDelegate) { self.delegate = delegate }

    /// Takes a field of a request's head.
    func headReceived(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, _ scratch: LoopScratch
    ) {
        let field = FieldName.of(name)
        let isKnown = delegate.headReceived(field, name: name, value: value, scratch: scratch)
        rules.add(field, isNameKnown: isKnown, name: name, value: value)
    }

    /// Takes a field of a request's trailers.
    func trailerReceived(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, for stream: HTTP2Stream?
    ) {
        let field = FieldName.of(name)
        rules.addTrailer(field, name: name, value: value)
        stream?.fieldReceived(field, name: name, value: value)
    }
}
