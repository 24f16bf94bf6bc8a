import MicroCore
import Synchronization

/// Who listens where in the process.
enum MemoryAddresses {
    private struct Table {
        var listeners: [String: MemoryListener] = [:]
        var lastPort = 0
    }

    private static let table = Mutex(Table())

    /// Puts a listener in the table.
    ///
    /// - Parameters:
    ///   - address: Where it listens; port 0 chooses a free number.
    ///   - make: Makes the listener for the address that was found.
    /// - Returns: The listener.
    /// - Throws: A `StartError` if the address can't be used.
    static func bind(
        _ address: ListenAddress, _ make: (ListenAddress) -> MemoryListener
    ) throws(StartError) -> MemoryListener {
        let listener = table.withLock { table -> MemoryListener? in
            guard let free = freeAddress(for: address, in: &table) else { return nil }
            let listener = make(free)
            table.listeners[free.description] = listener
            return listener
        }
        guard let listener else {
            throw StartError(
                .address,
                "The address \(address) can't be used: a listener of this process has it already. "
                    + "Port 0 chooses a free one.")
        }
        return listener
    }

    /// Takes a listener out of the table.
    static func release(_ listener: MemoryListener) {
        table.withLock { table in
            let address = listener.address.description
            guard table.listeners[address] === listener else { return }
            table.listeners[address] = nil
        }
    }

    /// Returns who listens at an address.
    static func listener(at address: String) -> MemoryListener? {
        table.withLock { $0.listeners[address] }
    }

    private static func freeAddress(for address: ListenAddress, in table: inout Table) -> ListenAddress? {
        guard let (host, port) = address.hostPort else {
            return table.listeners[address.description] == nil ? address : nil
        }
        let name = host.isEmpty ? "memory" : host
        guard port == 0 else {
            let named = ListenAddress.host(name, port: port)
            return table.listeners[named.description] == nil ? named : nil
        }
        for _ in 1...ports {
            table.lastPort = table.lastPort % ports + 1
            let candidate = ListenAddress.host(name, port: table.lastPort)
            if table.listeners[candidate.description] == nil { return candidate }
        }
        return nil
    }

    /// The number of ports that an address can have.
    private static let ports = 65535
}
