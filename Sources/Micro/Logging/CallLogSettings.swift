import MicroCore

/// Which calls of a service are logged when they end.
///
/// ## Configuration keys
///
/// - `log.access` (flag): All of them.
/// - `log.slow.calls` (duration): Those that took longer.
struct CallLogSettings: Sendable {
    private static let access = Setting(
        "log.access", .flag, default: false, scope: .shared,
        "whether a service logs each call that it has answered, with the level `info`")
    private static let slow = Setting(
        "log.slow.calls", .duration(in: .microseconds(1) ... .seconds(86_400)), without: "no call",
        scope: .shared,
        "calls with one answer that took at least so long are logged as warnings, ten a second at most")

    /// What operators may set.
    static var declarations: [SettingDeclaration] { [access.declaration, slow.declaration] }

    /// Whether each call is logged.
    let isAccessLog: Bool

    /// From when on a call is slow.
    let slow: Duration?

    init(_ settings: Settings) throws(StartError) {
        isAccessLog = try settings[Self.access]
        slow = try settings[Self.slow]
    }

    /// Whether no call is logged.
    var isOff: Bool { !isAccessLog && slow == nil }
}
