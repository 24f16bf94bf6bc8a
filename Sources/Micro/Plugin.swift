public import MicroCore

extension Plugin {
    /// The selector that picks any node, chosen with `MICRO_SELECTOR=random` or by default.
    public static var randomSelector: Self {
        Plugin(.selector, "random", summary: "any node") { _ in RandomSelector() }
    }

    /// The selector that picks nodes in turn, chosen with `MICRO_SELECTOR=roundrobin`.
    public static var roundRobinSelector: Self {
        Plugin(.selector, "roundrobin", summary: "one node after the other") { _ in RoundRobinSelector() }
    }
}

@section("micro_plugins") @used
private let randomRecord: PluginRecord = { .randomSelector }

@section("micro_plugins") @used
private let roundRobinRecord: PluginRecord = { .roundRobinSelector }
