import MicroCore
import Synchronization

/// Who listens where in the process.
enum MemoryAddresses {
    /// Whose names the addresses are.
    static let scheme = "memory"

    private struct Table {
        var listeners: [String: MemoryListener] = [:]
        var lastNumber: UInt64 = 0

        /// Returns a name that no listener has had.
        mutating func freeName() -> String {
            while true {
                lastNumber &+= 1
                let name = "node-\(lastNumber)"
                if listeners[name] == nil { return name }
            }
        }
    }

    private static let table = Mutex(Table())

    /// Puts a listener in the table.
    ///
    /// - Parameters:
    ///   - address: Where it listens; port 0 chooses a free name, and another host and port are a name as well.
    ///   - make: Makes the listener for the address that was found.
    /// - Returns: The listener.
    /// - Throws: A `StartError` if the address can't be used.
    static func bind(
        _ address: ListenAddress, _ make: (ListenAddress) -> MemoryListener
    ) throws(StartError) -> MemoryListener {
        let wanted = try name(address)
        let listener = table.withLock { table -> MemoryListener? in
            let name = wanted ?? table.freeName()
            guard table.listeners[name] == nil else { return nil }
            let listener = make(.named(name, scheme: scheme))
            table.listeners[name] = listener
            return listener
        }
        guard let listener else {
            throw StartError(
                .address,
                "The address \(address) can't be used: a listener of this process has it already. "
                    + "Without an address a free name is chosen.")
        }
        return listener
    }

    /// Returns the name that an address stands for; `nil` for any free one.
    private static func name(_ address: ListenAddress) throws(StartError) -> String? {
        guard let (name, scheme) = address.named else {
            return address.hostPort?.port == 0 ? nil : address.description
        }
        guard scheme == self.scheme else {
            throw StartError(
                .address,
                "The memory transport can't listen on \(address): its own addresses are written \(self.scheme):NAME."
            )
        }
        return name
    }

    /// Takes a listener out of the table.
    static func release(_ listener: MemoryListener) {
        table.withLock { table in
            let name = listener.address.nodeAddress
            guard table.listeners[name] === listener else { return }
            table.listeners[name] = nil
        }
    }

    /// Returns who listens at the address of a node.
    static func listener(at name: String) -> MemoryListener? {
        table.withLock { $0.listeners[name] }
    }
}
