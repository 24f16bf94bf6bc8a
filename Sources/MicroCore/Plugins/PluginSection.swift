import CMicroPlugins

/// The linker section in which each linked plugin module leaves one ``PluginRecord``.
enum PluginSection {
    /// A record as it lies in the section.
    ///
    /// Reading it through a struct of one field keeps the
    /// closure in the representation in which the compiler stored it; memory that is bound to the
    /// closure's type itself is read with another one, and crashes.
    private struct Entry {
        let record: PluginRecord
    }

    /// The records of all linked plugins.
    static var records: [PluginRecord] {
        guard let start = micro_plugins_start(), let stop = micro_plugins_stop() else { return [] }
        // Sound because the linker places the objects of one section one behind the other between
        // the two symbols, the compiler puts there nothing but statically initialised constants,
        // and every object of this section is, by the documented contract, one `PluginRecord`. They
        // live as long as the process.
        let count = (stop - start) / MemoryLayout<Entry>.stride
        let entries = start.assumingMemoryBound(to: Entry.self)
        return (0..<count).map { entries[$0].record }
    }
}
