import MicroNIO
import NIOCore
import NIOPosix

/// The memory that all connections of one event loop use in turn.
///
/// An idle connection holds no buffer of its own. Only one connection at a time reads or flushes on a
/// loop, and each leaves the memory empty.
package final class LoopScratch {
    /// The bytes that a flush collects.
    var output = ByteBuffer()

    /// What the head that is being read has brought so far, in whatever form its reader keeps it.
    ///
    /// It is empty when a head begins, and stays with its connection if the head goes on in another read.
    package final var head: [UInt8] = []

    /// Returns the memory of a loop; called on the loop.
    static func of(_ loop: any EventLoop) -> LoopScratch {
        guard let box = boxes[ObjectIdentifier(loop)] else { return LoopScratch() }
        if let scratch = box.value { return scratch }
        let scratch = LoopScratch()
        box.value = scratch
        return scratch
    }

    private static let boxes: [ObjectIdentifier: NIOLoopBoundBox<LoopScratch?>] = {
        var boxes: [ObjectIdentifier: NIOLoopBoundBox<LoopScratch?>] = [:]
        for loop in EventLoops.group.makeIterator() {
            boxes[ObjectIdentifier(loop)] = .makeEmptyBox(valueType: LoopScratch.self, eventLoop: loop)
        }
        return boxes
    }()
}
