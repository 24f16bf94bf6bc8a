import MicroCore
import MicroPluginKit
import Synchronization

/// The texts that handlers were given.
final class Texts: Sendable {
    private let texts = Mutex<[String]>([])

    var all: [String] { texts.withLock { $0 } }

    func add(_ message: EncodedMessage) {
        texts.withLock { $0.append(String(decoding: message.bytes, as: UTF8.self)) }
    }
}

/// A door that tasks wait at until it is opened, or until they are cancelled.
final class Gate: Sendable {
    private let isOpen = Latch()

    func open() { isOpen.open() }
    func wait() async { await isOpen.wait() }
}
