public import MicroCore

extension Plugin {
    /// The selector that picks any node, chosen with `MICRO_SELECTOR=random` or by default.
    ///
    /// `cache` is go-micro's name of a selector that remembers what the registry says, as ours always do.
    public static var randomSelector: Self {
        Plugin(.selector, "random", aliases: ["cache"], summary: "any node") { _ in RandomSelector() }
    }

    /// The selector that picks nodes in turn, chosen with `MICRO_SELECTOR=roundrobin`.
    public static var roundRobinSelector: Self {
        Plugin(.selector, "roundrobin", summary: "one node after the other") { _ in RoundRobinSelector() }
    }

    /// The selector that picks the less loaded of two nodes, chosen with `MICRO_SELECTOR=leastloaded`.
    public static var leastLoadedSelector: Self {
        Plugin(.selector, "leastloaded", summary: "the less loaded of two nodes") { _ in
            LeastLoadedSelector()
        }
    }

    /// The selector that picks nodes by their weights, chosen with `MICRO_SELECTOR=weighted`.
    public static var weightedSelector: Self {
        Plugin(.selector, "weighted", summary: "nodes as often as their weights say") { _ in
            WeightedSelector()
        }
    }

    /// The selector that picks the node of a call's key, chosen with `MICRO_SELECTOR=hash`.
    public static var hashSelector: Self {
        Plugin(
            .selector, "hash",
            settings: [HashSelector.keySetting.declaration, HashSelector.loadSetting.declaration],
            summary: "the same node for the same key"
        ) { context in
            HashSelector(
                key: try context.settings[HashSelector.keySetting],
                load: Double(try context.settings[HashSelector.loadSetting]) / 100)
        }
    }

    /// The selector that stays with a node, chosen with `MICRO_SELECTOR=sticky`.
    public static var stickySelector: Self {
        Plugin(
            .selector, "sticky", settings: [StickySelector.keySetting.declaration],
            summary: "one node as long as it can be called"
        ) { context in
            StickySelector(key: try context.settings[StickySelector.keySetting])
        }
    }

    /// The selector that excludes nodes which fail, chosen with `MICRO_SELECTOR=blacklist`.
    public static var blacklistSelector: Self {
        Plugin(.selector, "blacklist", summary: "any node that has not failed three times in a row") { _ in
            BlacklistSelector()
        }
    }

    /// The selectors of the engine.
    static var engineSelectors: [Plugin] {
        [
            .randomSelector, .roundRobinSelector, .leastLoadedSelector, .weightedSelector, .hashSelector,
            .stickySelector, .blacklistSelector,
        ]
    }
}

@section("micro_plugins") @used
private let randomRecord: PluginRecord = { .randomSelector }

@section("micro_plugins") @used
private let roundRobinRecord: PluginRecord = { .roundRobinSelector }

@section("micro_plugins") @used
private let leastLoadedRecord: PluginRecord = { .leastLoadedSelector }

@section("micro_plugins") @used
private let weightedRecord: PluginRecord = { .weightedSelector }

@section("micro_plugins") @used
private let hashRecord: PluginRecord = { .hashSelector }

@section("micro_plugins") @used
private let stickyRecord: PluginRecord = { .stickySelector }

@section("micro_plugins") @used
private let blacklistRecord: PluginRecord = { .blacklistSelector }
