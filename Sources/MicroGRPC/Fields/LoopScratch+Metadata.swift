import MicroCore
import MicroHTTP2

extension LoopScratch {
    /// Returns the metadata that was read, which the head is kept as in packed form.
    ///
    /// The bytes are copied to an array of just their size. An array made from the array would share its
    /// storage, and the next head would have to grow its own from nothing.
    func takeMetadata() -> Metadata {
        guard !head.isEmpty else { return Metadata() }
        return head.withUnsafeBufferPointer { Metadata(packed: Array($0)) }
    }
}
