internal import Configuration
internal import MicroCore

/// The variables of the role, checked.
struct Variables {
    let config: ConfigReader

    /// Returns a text, `nil` if it isn't set or empty.
    func text(_ key: String) -> String? {
        config.string(forKey: ConfigKey(key.split(separator: ".").map(String.init))).flatMap {
            $0.isEmpty ? nil : $0
        }
    }

    /// Returns texts that are parted by commas.
    func list(_ key: String) -> [String]? {
        text(key)?.split { $0 == "," || $0 == " " }.map(String.init)
    }

    func flag(_ key: String) throws(StartError) -> Bool? {
        switch text(key)?.lowercased() {
        case nil: nil
        case "true", "yes", "1", "on": true
        case "false", "no", "0", "off": false
        default: throw invalid(key, "it takes true or false")
        }
    }

    func number(_ key: String, _ range: ClosedRange<Int>) throws(StartError) -> Int? {
        guard let text = text(key) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw invalid(key, "it takes a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func duration(_ key: String, _ range: ClosedRange<Duration>) throws(StartError) -> Duration? {
        guard let text = text(key) else { return nil }
        guard let duration = GoDuration.parse(text), range.contains(duration) else {
            throw invalid(
                key,
                "it takes a duration such as 100ms or 30s, from \(range.lowerBound) to \(range.upperBound)")
        }
        return duration
    }

    func invalid(_ key: String, _ reason: String) -> StartError {
        let name = "MICRO_BROKER_" + key.uppercased().split(separator: ".").joined(separator: "_")
        return StartError(
            .invalidConfiguration, "\(name) is \((text(key) ?? "").debugDescription); \(reason).")
    }
}
