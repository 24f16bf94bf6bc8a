package import MicroCore

/// Every setting of a program, with its present value and where that comes from.
package struct SettingReport: Sendable {
    /// One setting.
    package struct Row: Hashable, Sendable {
        /// The variable that sets it.
        package let variable: String

        /// The flag that sets it, without the dashes.
        package let flag: String

        /// The setting.
        package let declaration: SettingDeclaration

        /// What holds now, fit to be shown; `nil` for nothing.
        package let value: String?

        /// Who set it; `nil` for the default.
        package let origin: String?
    }

    /// What belongs together.
    package struct Group: Hashable, Sendable {
        /// Its name: `service`, or role and name of a plugin, such as `registry etcd`.
        package let name: String

        /// The settings.
        package let rows: [Row]
    }

    /// The groups, those of the engine first.
    package let groups: [Group]

    /// Looks all settings up.
    ///
    /// - Parameters:
    ///   - sources: What is set.
    ///   - catalogue: What may be set.
    ///   - code: What the program says in code, by whole keys; everything else goes before it.
    init(_ sources: SettingSources, _ catalogue: SettingCatalogue, code: [String: String] = [:]) {
        groups = catalogue.groups.map { group in
            let settings =
                group.role.map { sources.settings.scoped(to: $0, member: group.member) } ?? sources.settings
            return Group(
                name: group.name, rows: group.entries.map { Self.row($0, settings, code: code[$0.key]) })
        }
    }

    /// Returns the groups that have settings of a name, each with those alone.
    ///
    /// - Parameter part: A part of the variables' names.
    /// - Returns: The groups.
    package func groups(named part: String) -> [Group] {
        groups.map { Group(name: $0.name, rows: $0.rows.filter { $0.variable.contains(part) }) }
            .filter { !$0.rows.isEmpty }
    }

    private static func row(
        _ entry: SettingCatalogue.Entry, _ settings: Settings, code: String?
    ) -> Row {
        // Nothing is undeclared where everything may be read, so it can't fail.
        let given = try? settings.text(entry.declaration)
        let text = given.map { entry.declaration.isSecret ? "…" : $0.text.printableAddress() }
        return Row(
            variable: entry.variable, flag: entry.flag, declaration: entry.declaration,
            value: text ?? code ?? entry.declaration.defaultText,
            origin: given?.origin ?? code.map { _ in "the code" })
    }
}
