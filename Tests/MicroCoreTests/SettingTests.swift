import MicroCore
import Testing

/// What plugins declare, and what operators set.
@Suite("Settings", .timeLimit(.minutes(2)))
struct SettingTests {
    private enum Colour: String, CaseIterable { case red, blue }

    private static let size = Setting("size", .number(in: 1...9), default: 4, "how much")
    private static let wait = Setting(
        "max.wait", .duration(in: .milliseconds(1) ... .seconds(60)), default: .milliseconds(1500), "how long"
    )
    private static let isOn = Setting("on", .flag, default: false, scope: .shared, "whether")
    private static let names = Setting("names", .list, without: "all", "which")
    private static let colour = Setting("colour", .choice(), default: Colour.red, "what colour")
    private static let password = Setting("password", .text, isSecret: true, "a secret")

    private func settings(_ variables: [String: String]) -> Settings {
        Settings(variables: variables).scoped(to: "store")
    }

    @Test("what nobody has set has its default, and so has what is empty")
    func defaults() throws {
        let settings = settings(["MICRO_STORE_SIZE": ""])
        #expect(try settings[Self.size] == 4)
        #expect(try settings.given(Self.size) == nil)
        #expect(try settings[Self.names] == nil)
        #expect(try settings[Self.colour] == .red)
        #expect(try settings[Self.isOn] == false)
    }

    @Test("values are read by their kinds")
    func values() throws {
        let settings = settings([
            "MICRO_STORE_SIZE": "9", "MICRO_STORE_MAX_WAIT": "1m", "MICRO_ON": "Yes",
            "MICRO_STORE_NAMES": "a, b,c",
            "MICRO_STORE_COLOUR": "BLUE", "MICRO_STORE_PASSWORD": "x",
        ])
        #expect(try settings[Self.size] == 9)
        #expect(try settings[Self.wait] == .seconds(60))
        #expect(try settings[Self.isOn])
        #expect(try settings[Self.names] == ["a", "b", "c"])
        #expect(try settings[Self.colour] == .blue)
        #expect(try settings[Self.password] == "x")
    }

    @Test(
        "values that can't be used name the variable, the value, and what it takes",
        arguments: [
            ("MICRO_STORE_SIZE", "10", "a number from 1 to 9"),
            ("MICRO_STORE_SIZE", "x", "a number from 1 to 9"),
            ("MICRO_STORE_MAX_WAIT", "2m", "a duration from 1ms to 1m"),
            ("MICRO_ON", "perhaps", "true or false"),
            ("MICRO_STORE_COLOUR", "green", "red or blue"), ("MICRO_STORE_NAMES", " ,", "a list with commas"),
        ])
    func invalid(_ variable: String, _ value: String, _ takes: String) {
        let settings = settings([variable: value])
        let error = #expect(throws: StartError.self) {
            _ = try settings[Self.size]
            _ = try settings[Self.wait]
            _ = try settings[Self.isOn]
            _ = try settings[Self.names]
            _ = try settings[Self.colour]
        }
        #expect(error?.message == "\(variable) is \"\(value)\"; it takes \(takes).")
    }

    @Test("a plugin of a role of which all are used has keys of its own before those of the role")
    func members() throws {
        let root = Settings(variables: ["MICRO_TRANSPORT_SIZE": "1", "MICRO_TRANSPORT_NATS_SIZE": "2"])
        #expect(try root.scoped(to: "transport", member: "nats")[Self.size] == 2)
        #expect(try root.scoped(to: "transport", member: "http")[Self.size] == 1)
        let bad = Settings(variables: ["MICRO_TRANSPORT_NATS_SIZE": "0"]).scoped(
            to: "transport", member: "nats")
        let error = #expect(throws: StartError.self) { try bad[Self.size] }
        #expect(error?.message.hasPrefix("MICRO_TRANSPORT_NATS_SIZE is") == true)
    }

    @Test("what a plugin has not declared it can't read")
    func undeclared() throws {
        let settings = Settings(variables: ["MICRO_STORE_NAMES": "a"])
            .scoped(to: "store", declared: [Self.size.declaration])
        #expect(try settings[Self.size] == 4)
        let error = #expect(throws: StartError.self) { try settings[Self.names] }
        #expect(error?.message.contains("MICRO_STORE_NAMES") == true)
    }

    @Test("declarations say what there is to know")
    func declarations() {
        let wait = Self.wait.declaration
        #expect(wait.takes == "a duration from 1ms to 1m" && wait.defaultText == "1s500ms" && !wait.isSecret)
        #expect(Self.isOn.declaration.isSwitch && Self.isOn.declaration.defaultText == "false")
        #expect(Self.names.declaration.defaultText == "all")
        #expect(Self.password.declaration.isSecret && Self.password.declaration.defaultText == nil)
        #expect(Self.colour.declaration.takes == "red or blue")
    }

    @Test(
        "durations are written as they are read",
        arguments: ["0", "1ns", "2us3ns", "300ms", "5s", "1m30s", "24h", "1h1ms"])
    func durations(_ text: String) throws {
        let duration = try #require(GoDuration.parse(text))
        #expect(GoDuration.text(duration) == text)
    }
}
