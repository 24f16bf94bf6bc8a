internal import Logging

extension Logger {
    /// Returns the logger with further handlers that get what it logs.
    func adding(_ handlers: [@Sendable (_ label: String) -> any LogHandler]) -> Logger {
        guard !handlers.isEmpty else { return self }
        let (own, label) = (handler, label)
        let added = handlers.map { $0(label) }
        guard let switched = own as? SwitchedLogHandler else {
            return Logger(label: label) { _ in MultiplexLogHandler([own] + added) }
        }
        return Logger(label: label) { _ in switched.adding(added) }
    }
}
