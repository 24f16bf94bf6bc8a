import Synchronization

/// What selectors derive of one list of candidates.
///
/// One selector is the rule, so its value is found without a lock. More have calls or services with rules of their own.
final class CandidateNotes: Sendable {
    /// How many further selectors' values are kept; beyond it, one is made for each choice.
    private static let limit = 8

    private final class Note: Sendable {
        let owner: any AnyObject & Sendable
        let value: any AnyObject & Sendable

        init(_ owner: any AnyObject & Sendable, _ value: any AnyObject & Sendable) {
            self.owner = owner
            self.value = value
        }

        func value<Value: AnyObject & Sendable>(for owner: any AnyObject & Sendable) -> Value? {
            guard self.owner === owner else { return nil }
            // An owner asks for one type, and the usual dynamic cast costs more than all the rest.
            guard ObjectIdentifier(type(of: value)) == ObjectIdentifier(Value.self) else {
                return value as? Value
            }
            return unsafeDowncast(value, to: Value.self)
        }
    }

    private let first = AtomicLazyReference<Note>()
    private let others = Mutex<[Note]>([])

    /// Returns the value of an owner; makes it if there is none.
    func value<Value: AnyObject & Sendable>(
        for owner: any AnyObject & Sendable, _ make: () -> Value
    ) -> Value {
        if let value: Value = first.load()?.value(for: owner) { return value }
        if let value = known(owner, Value.self) { return value }
        let made = make()
        let kept = first.storeIfNil(Note(owner, made))
        if let value: Value = kept.value(for: owner) { return value }
        return others.withLock { notes in
            for note in notes { if let value: Value = note.value(for: owner) { return value } }
            if notes.count < Self.limit { notes.append(Note(owner, made)) }
            return made
        }
    }

    private func known<Value: AnyObject & Sendable>(
        _ owner: any AnyObject & Sendable, _ type: Value.Type
    ) -> Value? {
        guard first.load() != nil else { return nil }
        return others.withLock { notes in
            for note in notes { if let value: Value = note.value(for: owner) { return value } }
            return nil
        }
    }
}
