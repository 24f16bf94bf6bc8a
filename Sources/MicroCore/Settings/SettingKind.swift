/// What a ``Setting`` takes: how a text is read, and how it is said what may stand there.
public struct SettingKind<Value: Sendable>: Sendable {
    /// What it takes, such as `1ms to 24h`; in an error behind "it takes".
    public let takes: String

    /// Whether its flag may stand without a value, which is then `true`.
    public let isSwitch: Bool

    let write: @Sendable (Value) -> String
    let parse: @Sendable (String) -> Value?

    /// Creates a kind.
    ///
    /// - Parameters:
    ///   - takes: What it takes; in an error behind "it takes".
    ///   - isSwitch: Whether its flag may stand without a value, which is then `true`.
    ///   - write: Writes a value as somebody would set it, to show defaults.
    ///   - parse: Reads what somebody wrote, which is not empty; `nil` for what it does not take.
    public init(
        _ takes: String, isSwitch: Bool = false, write: @escaping @Sendable (Value) -> String,
        parse: @escaping @Sendable (String) -> Value?
    ) {
        self.takes = takes
        self.isSwitch = isSwitch
        self.write = write
        self.parse = parse
    }
}

extension SettingKind where Value == String {
    /// Any text.
    public static var text: Self { .text("a text") }

    /// A text of some form, which who reads it checks.
    ///
    /// - Parameter form: The form, such as `a host and a port`.
    /// - Returns: The kind.
    public static func text(_ form: String) -> Self { Self(form, write: \.self) { $0 } }
}

extension SettingKind where Value == [String] {
    /// Texts with commas or spaces between.
    public static var list: Self { .list("a list with commas") }

    /// Texts of some form with commas or spaces between, which who reads them checks.
    ///
    /// - Parameter form: The form, such as `addresses with commas`.
    /// - Returns: The kind.
    public static func list(_ form: String) -> Self {
        Self(form, write: { $0.joined(separator: ",") }) { text in
            let parts = text.split { $0 == "," || $0 == " " }.map(String.init)
            return parts.isEmpty ? nil : parts
        }
    }
}

extension SettingKind where Value == Bool {
    /// A choice of two: `true`, `yes`, `on`, `1` and their opposites.
    public static var flag: Self {
        Self("true or false", isSwitch: true, write: { "\($0)" }) { text in
            switch text.lowercased() {
            case "true", "yes", "on", "1": true
            case "false", "no", "off", "0": false
            default: nil
            }
        }
    }
}

extension SettingKind where Value == Int {
    /// A whole number.
    ///
    /// - Parameter range: The numbers that it takes.
    /// - Returns: The kind.
    public static func number(in range: ClosedRange<Int>) -> Self {
        Self("a number from \(range.lowerBound) to \(range.upperBound)", write: { "\($0)" }) { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension SettingKind where Value == Duration {
    /// A time, written as in `300ms`, `5s` and `1m30s`.
    ///
    /// - Parameter range: The times that it takes.
    /// - Returns: The kind.
    public static func duration(in range: ClosedRange<Duration>) -> Self {
        let bounds = "\(GoDuration.text(range.lowerBound)) to \(GoDuration.text(range.upperBound))"
        return Self("a duration from \(bounds)", write: GoDuration.text) { text in
            GoDuration.parse(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension SettingKind {
    /// One of some words, in small or capital letters.
    ///
    /// - Parameter words: The words, and what each stands for; of two words for one value the first is shown.
    /// - Returns: The kind.
    public static func choice(_ words: KeyValuePairs<String, Value>) -> Self where Value: Equatable {
        let words = words.map { (word: $0.key, value: $0.value) }
        let last = words.last?.word ?? ""
        let takes =
            words.count < 2 ? last : words.dropLast().map(\.word).joined(separator: ", ") + " or " + last
        return Self(takes, write: { value in words.first { $0.value == value }?.word ?? "" }) { text in
            words.first { $0.word == text.lowercased() }?.value
        }
    }

    /// One of the cases of a type, by its raw value.
    ///
    /// - Returns: The kind.
    public static func choice() -> Self
    where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
        let words = Value.allCases.map(\.rawValue)
        let last = words.last ?? ""
        let takes = words.count < 2 ? last : words.dropLast().joined(separator: ", ") + " or " + last
        return Self(takes, write: \.rawValue) { Value(rawValue: $0.lowercased()) }
    }
}
