import MicroCore
import MicroPluginKit

extension Latch {
    /// Waits as a handler does: being cancelled is an error of the call.
    func waitInHandler() async throws(MicroError) {
        do {
            try await waitUnlessCancelled()
        } catch {
            throw MicroError(.cancelled, "The handler was cancelled.")
        }
    }
}
