internal import MicroCore

/// Finds what a user may have meant by a name that doesn't exist.
enum Suggestion {
    /// Returns the name that is nearest to what was written.
    ///
    /// - Parameters:
    ///   - written: What was written.
    ///   - names: The names that exist.
    /// - Returns: The nearest; `nil` if none is near.
    static func nearest(to written: String, among names: some Sequence<String>) -> String? {
        let wanted = Array(written.lowercased())
        guard !wanted.isEmpty, wanted.count <= 256 else { return nil }
        // Every third letter may be wrong.
        let limit = max(1, min(3, wanted.count / 3))
        return names.filter { $0 != written && $0.utf8.count <= 512 }
            .map { (name: $0, letters: Array($0.lowercased())) }
            .filter { abs($0.letters.count - wanted.count) <= limit }
            .map { (name: $0.name, distance: distance(wanted, $0.letters)) }
            .filter { $0.distance <= limit }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
    }

    /// A question for the user, behind the message of what failed; empty if no name is near.
    static func question(_ written: String, among names: some Sequence<String>) -> String {
        nearest(to: written, among: names).map { "\nDid you mean \"\($0.printable())\"?" } ?? ""
    }

    /// The number of letters to insert, remove, replace or swap with their neighbour.
    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    best = min(best, beforeLast[j - 1] + 1)
                }
                row.append(best)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
