import MicroCore

/// Where a service keeps what must outlive a call.
public protocol Store: Part {
    /// Returns what was written under a key, if anything was.
    func read(_ key: String) async throws -> String?

    /// Keeps a value under a key.
    func write(_ key: String, _ value: String) async throws
}

extension PluginRole where Interface == any Store {
    /// Chosen with `MICRO_STORE`, configured with `MICRO_STORE_…`.
    public static var store: Self { PluginRole("store", preferring: ["memory"]) }
}
