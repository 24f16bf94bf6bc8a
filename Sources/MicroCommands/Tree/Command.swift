public import ArgumentParser

/// A command of `micro`: what a plugin of the role `command` makes.
///
/// A command is written with swift-argument-parser. The name of its plugin is the words with which it is called,
/// and the last of them is the command's own name:
///
/// ```swift
/// struct CountCommand: AsyncParsableCommand {
///     static let configuration = CommandConfiguration(
///         commandName: "count", abstract: "Counts the services that run.")
///
///     @OptionGroup var global: GlobalOptions
///
///     func run() async throws {
///         try await Session.run(global) { client in
///             try Output.write("\(try await client.services().count)\n")
///         }
///     }
/// }
///
/// extension Plugin {
///     /// `micro count`.
///     public static var countCommand: Self {
///         Plugin(.command, "count") { _ in Command(CountCommand.self) }
///     }
/// }
///
/// @section("micro_plugins") @used
/// private let record: PluginRecord = { .countCommand }
/// ```
///
/// ## Groups
///
/// A command with commands below it is a group. It has those that any module brings for it, whose plugins' names
/// begin with the group's:
///
/// ```swift
/// struct StoreCommand: AsyncParsableCommand {
///     static var configuration: CommandConfiguration {
///         CommandConfiguration(
///             commandName: "store", abstract: "Reads and writes a store.",
///             subcommands: Command.linked(in: "store"))
///     }
/// }
///
/// struct StoreReadCommand: AsyncParsableCommand {
///     static let configuration = CommandConfiguration(commandName: "read", abstract: "Prints a value.")
/// }
///
/// extension Plugin {
///     /// `micro store`.
///     public static var storeCommand: Self {
///         Plugin(.command, "store") { _ in Command(StoreCommand.self) }
///     }
///
///     /// `micro store read`.
///     public static var storeReadCommand: Self {
///         Plugin(.command, "store read") { _ in Command(StoreReadCommand.self) }
///     }
/// }
/// ```
///
/// The plugin of a group must not read the group's configuration, which asks for all plugins.
public struct Command: Sendable {
    /// The type that parses the arguments and runs.
    public let type: any ParsableCommand.Type

    /// Where the help lists the command: commands are sorted by this number, and by name where it is the same.
    public let position: Int

    /// Creates a command.
    ///
    /// - Parameters:
    ///   - type: The type that parses the arguments and runs. Its configuration has a `commandName`.
    ///   - position: Where the help lists the command. The default is behind the commands that ask services, which
    ///     have less than 500, and in front of those about the program, which have more.
    public init(_ type: any ParsableCommand.Type, position: Int = 500) {
        self.type = type
        self.position = position
    }

    /// Returns the commands that the program links for a group, as they are listed.
    ///
    /// - Parameter group: The words with which the group is called, such as `store`.
    /// - Returns: The commands; none if the linked ones can't be used, which `micro` reports when it starts.
    public static func linked(in group: String) -> [any ParsableCommand.Type] {
        (try? CommandTree.linked.get())?.commands(in: group) ?? []
    }
}
