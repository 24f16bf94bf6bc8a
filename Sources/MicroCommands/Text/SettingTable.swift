internal import Micro
internal import MicroCore

/// What `micro settings` prints.
enum SettingTable {
    /// Returns the groups that have settings of a name.
    ///
    /// - Parameters:
    ///   - report: All settings.
    ///   - name: A part of the variables' names, in small or capital letters; `nil` for all.
    /// - Returns: The groups, each with those of its settings that have the name.
    static func groups(_ report: SettingReport, named name: String?) -> [SettingReport.Group] {
        guard let name = name?.uppercased() else { return report.groups }
        let part = name.replacing(".", with: "_").replacing("-", with: "_")
        return report.groups(named: part)
    }

    /// Returns a table of each group: the variable, what holds, and who set it.
    static func text(of groups: [SettingReport.Group]) -> String {
        groups.map { group in
            group.name.uppercased() + "\n"
                + TextTable.aligned(
                    group.rows.map { row in
                        [
                            "  " + row.variable, (row.value ?? "-").printable(limit: 100),
                            row.origin.map { "from \($0.printable(limit: 100))" } ?? "",
                        ]
                    })
        }
        .joined(separator: "\n")
    }

    /// Returns everything that is known of each setting.
    static func details(of groups: [SettingReport.Group]) -> String {
        groups.flatMap { group in
            group.rows.map { row in
                """
                \(row.variable) (\(group.name))
                  \(row.declaration.meaning)
                  takes: \(row.declaration.takes)
                  default: \(row.declaration.defaultText ?? "-")
                  now: \((row.value ?? "-").printable(limit: 300))\
                \(row.origin.map { ", from \($0.printable(limit: 300))" } ?? "")

                """
            }
        }
        .joined(separator: "\n")
    }

    /// Returns the settings for programs, in the same order.
    static func json(of groups: [SettingReport.Group]) -> JSONValue {
        .list(
            groups.flatMap { group in
                group.rows.map { row -> JSONValue in
                    var fields: [(key: String, value: JSONValue)] = [
                        ("group", .string(group.name)), ("variable", .string(row.variable)),
                        ("flag", .string("--" + row.flag)), ("takes", .string(row.declaration.takes)),
                        ("meaning", .string(row.declaration.meaning)),
                        ("secret", .flag(row.declaration.isSecret)),
                    ]
                    if let text = row.declaration.defaultText { fields.append(("default", .string(text))) }
                    if let value = row.value { fields.append(("value", .string(value))) }
                    if let origin = row.origin { fields.append(("origin", .string(origin))) }
                    return .object(fields)
                }
            })
    }
}
