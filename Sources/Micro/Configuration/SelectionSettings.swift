import MicroCore

/// Which nodes a client prefers, whatever its selector is.
struct SelectionSettings: Sendable {
    private enum Keys {
        static let prefer = Setting(
            "selector.prefer", SettingKind<Preference>.choice(["none": .none, "zone": .zone]),
            default: Preference.none, scope: .shared,
            "`zone` calls nodes of the client's own zone while at least half of them can be called")
        static let zone = Setting(
            "zone", .text("a name"), scope: .shared,
            "the zone in which the program runs; a service's nodes have it as their metadata field `zone`")
        static let subset = Setting(
            "selector.subset", .number(in: 0...100_000), default: 0, scope: .shared,
            "how many of a service's nodes a client calls, for services of hundreds; each client others, and the same ones "
                + "as long as they are there. 0 for all")
        static let slowStart = Setting(
            "selector.slow.start", .duration(in: .zero ... .seconds(3600)), default: .zero, scope: .shared,
            "over what time a node that is new gets more and more of its share of the calls; 0 for at once")
    }

    private enum Preference { case none, zone }

    /// What operators may set.
    static var declarations: [SettingDeclaration] {
        [
            Keys.prefer.declaration, Keys.zone.declaration, Keys.subset.declaration,
            Keys.slowStart.declaration,
        ]
    }

    /// The zone whose nodes are preferred.
    var preferredZone: String?

    /// How many nodes are called; `nil` for all.
    var subset: Int?

    /// Over what time a new node gets its full share; zero for at once.
    var slowStart = Duration.zero

    /// No preference.
    init() {}

    init(_ settings: Settings) throws(StartError) {
        let zone = try Self.zone(settings)
        if try settings[Keys.prefer] == .zone {
            guard let zone else {
                throw StartError(
                    .invalidConfiguration,
                    "\(settings.name(Keys.prefer)) is zone, but the program's own zone isn't known. Set "
                        + "\(settings.name(Keys.zone)).")
            }
            preferredZone = zone
        }
        let subset = try settings[Keys.subset]
        self.subset = subset == 0 ? nil : subset
        slowStart = try settings[Keys.slowStart]
    }

    /// Returns the zone in which the program runs.
    static func zone(_ settings: Settings) throws(StartError) -> String? { try settings[Keys.zone] }
}
