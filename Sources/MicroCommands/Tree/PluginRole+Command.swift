public import MicroCore

extension PluginRole where Interface == Command {
    /// The commands of `micro`, which has all that are linked.
    public static var command: Self { .set("command", meaning: "what micro can do") }
}
