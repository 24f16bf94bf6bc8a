/// A table for people, whose columns are as wide as their widest text.
public enum TextTable {
    /// Lays rows out.
    ///
    /// - Parameter rows: The texts of each row; the first row is the headings, as a rule. Text from outside is made
    ///   one line before, by ``Output/printable(_:limit:)``.
    /// - Returns: The lines, each with its newline.
    public static func aligned(_ rows: [[String]]) -> String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let line = zip(row, widths).map { text, width in
                text + String(repeating: " ", count: width - text.count + 2)
            }
            let end = line.joined()
            return String(end.reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }
}
