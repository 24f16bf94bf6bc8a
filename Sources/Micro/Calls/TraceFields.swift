import MicroCore

/// The fields by which calls and events are known to belong to one trace.
///
/// They come from outside, so what breaks the rules of W3C's Trace Context and Baggage, or is larger than they ask anybody
/// to carry, is dropped: a trace is then begun anew.
enum TraceFields {
    static let parent = "traceparent"
    static let state = "tracestate"
    static let baggage = "baggage"

    /// go-micro's, which are UUIDs there.
    static let microTrace = "micro-trace-id"
    static let microSpan = "micro-span-id"

    static let all = [parent, state, baggage, microTrace, microSpan]

    private static let stateLimit = 512
    private static let stateMembers = 32
    private static let baggageLimit = 8192
    private static let baggageMembers = 180
    private static let microLimit = 128

    /// Returns a tracing state that may be carried on: several fields are one list.
    fileprivate static func state(_ values: [String]) -> String? {
        list(values, limit: stateLimit, members: stateMembers)
    }

    /// Returns baggage that may be carried on.
    fileprivate static func baggage(_ values: [String]) -> String? {
        list(values, limit: baggageLimit, members: baggageMembers)
    }

    private static func list(_ values: [String], limit: Int, members: Int) -> String? {
        let text = values.joined(separator: ",")
        guard !text.isEmpty, text.utf8.count <= limit, isPrintable(text),
            text.utf8.count(where: { $0 == UInt8(ascii: ",") }) < members
        else { return nil }
        return text
    }

    /// Returns an id of go-micro's that may be carried on.
    fileprivate static func microID(_ values: [String]) -> String? {
        guard values.count == 1, let id = values.first, !id.isEmpty, id.utf8.count <= microLimit,
            isPrintable(id)
        else { return nil }
        return id
    }

    private static func isPrintable(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F || $0 == 0x09 }
    }
}

/// A field `traceparent`.
struct TraceParent: Hashable, Sendable {
    /// 32 hexadecimal digits, not all of them 0.
    let traceID: String

    /// 16 hexadecimal digits, not all of them 0.
    let spanID: String

    private let flags: String

    /// Reads a field, by the rules of W3C's Trace Context.
    ///
    /// Of versions that don't exist yet what stands in front is read, as the rules ask for.
    init?(_ text: String) {
        guard (55...512).contains(text.utf8.count) else { return nil }
        let parts = text.split(separator: "-", maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count >= 4, Self.isHex(parts[0], 2), parts[0] != "ff",
            parts[0] != "00" || parts.count == 4,
            Self.isHex(parts[1], 32), Self.isHex(parts[2], 16), Self.isHex(parts[3], 2),
            Self.isNotZero(parts[1]), Self.isNotZero(parts[2])
        else { return nil }
        traceID = String(parts[1])
        spanID = String(parts[2])
        flags = String(parts[3])
    }

    /// Makes one of go-micro's ids, which are UUIDs, so that tracers that know W3C's alone go on with a trace of a Go service.
    ///
    /// - Parameters:
    ///   - trace: The id of the trace.
    ///   - span: The id of the caller's span.
    init?(microTrace trace: String, span: String) {
        let digits = trace.replacing("-", with: "").lowercased()
        let spanDigits = span.replacing("-", with: "").lowercased().prefix(16)
        guard Self.isHex(digits[...], 32), Self.isHex(spanDigits, 16), Self.isNotZero(digits[...]),
            Self.isNotZero(spanDigits)
        else { return nil }
        traceID = digits
        spanID = String(spanDigits)
        flags = "01"
    }

    /// The field.
    var text: String { "00-\(traceID)-\(spanID)-\(flags)" }

    private static func isHex(_ text: Substring, _ count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func isNotZero(_ text: Substring) -> Bool { text.utf8.contains { $0 != 0x30 } }
}

extension Metadata {
    /// The field `traceparent`, if there is one alone, and it makes sense.
    var traceParent: TraceParent? {
        let values = values(for: TraceFields.parent)
        return values.count == 1 ? values.first.flatMap(TraceParent.init) : nil
    }

    /// The id of the trace to which a call or event belongs: that of W3C's `traceparent`, or go-micro's.
    var traceID: String? {
        if let parent = traceParent { return parent.traceID }
        let id = self[TraceFields.microTrace].map { $0.printable(limit: 128) } ?? ""
        return id.isEmpty ? nil : id
    }

    /// What calls and events that follow from one carry on of its trace.
    var traceFields: Metadata {
        var fields = Metadata()
        guard !isEmpty else { return fields }
        if let parent = self[TraceFields.parent], traceParent != nil {
            fields[TraceFields.parent] = parent
            // Without a parent it belongs to nothing.
            fields[TraceFields.state] = TraceFields.state(values(for: TraceFields.state))
        }
        fields[TraceFields.baggage] = TraceFields.baggage(values(for: TraceFields.baggage))
        for name in [TraceFields.microTrace, TraceFields.microSpan] {
            fields[name] = TraceFields.microID(values(for: name))
        }
        return fields
    }

    /// Returns the metadata with the fields of a trace, where there are none of that name.
    func carrying(_ trace: Metadata) -> Metadata {
        guard !trace.isEmpty else { return self }
        var all = self
        // A state is that of its parent.
        let hasParent = all[TraceFields.parent] != nil
        for (name, value) in trace
        where all[name] == nil && !(hasParent && name == TraceFields.state) { all.add(value, for: name) }
        return all
    }

    /// Returns the metadata with the fields of a trace in place of those that there are.
    func replacingTrace(by trace: Metadata) -> Metadata {
        var all = self
        // A state is that of its parent.
        if trace[TraceFields.parent] != nil { all[TraceFields.state] = nil }
        for (name, value) in trace { all[name] = value }
        return all
    }

    /// The fields of a trace that an event's header has, whose names may be spelled in any way.
    init(traceOf header: [String: String]) {
        self.init()
        for (name, value) in header where TraceFields.all.contains(where: name.caseInsensitiveEquals) {
            add(value, for: name)
        }
    }
}
