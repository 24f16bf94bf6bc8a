internal import Logging
import MicroCore
internal import MicroPluginKit

/// What is set under our prefix and read by nothing.
struct UnknownSettings: Sendable {
    /// One of them, with the nearest name that there is.
    struct Misspelled: Hashable, Sendable {
        let origin: String
        let nearest: String
    }

    /// Those that are nearly the name of something.
    let misspelled: [Misspelled]

    /// Those that may be meant for other programs.
    let others: [String]

    /// Finds them.
    ///
    /// - Parameters:
    ///   - sources: What is set.
    ///   - catalogue: What may be set.
    init(_ sources: SettingSources, _ catalogue: SettingCatalogue) {
        let known = Set(catalogue.byKey.keys.map(Settings.variable))
        var misspelled: [Misspelled] = []
        var others: [String] = []
        for (variable, origin) in sources.origins where !known.contains(variable) {
            if let nearest = NearestName.find(variable, among: known, limit: 2) {
                misspelled.append(Misspelled(origin: origin, nearest: nearest))
            } else {
                others.append(origin)
            }
        }
        (self.misspelled, self.others) = (misspelled, others)
    }

    /// Logs a warning for each that is nearly the name of something, which may be why a start fails.
    ///
    /// - Parameter logger: Where to.
    func logMisspelled(to logger: Logger) {
        for name in misspelled {
            logger.warning(
                "\(name.origin.printable(limit: 300)) is set, but nothing reads it. Did you mean \(name.nearest)?"
            )
        }
    }

    /// Logs one line for the others, once a start has succeeded.
    ///
    /// - Parameter logger: Where to.
    func logOthers(to logger: Logger) {
        guard !others.isEmpty else { return }
        logger.info(
            "Nothing that is linked reads \(others.joined(separator: ", ").printable(limit: 1000)).")
    }
}
