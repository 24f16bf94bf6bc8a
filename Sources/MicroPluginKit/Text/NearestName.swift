/// Finds what somebody may have meant by a name that doesn't exist.
package enum NearestName {
    /// Returns the name that is nearest to what was written.
    ///
    /// - Parameters:
    ///   - written: What was written.
    ///   - names: The names that exist.
    ///   - limit: How many letters may be wrong at most; never more than every third.
    /// - Returns: The nearest; `nil` if none is near.
    package static func find(
        _ written: String, among names: some Sequence<String>, limit: Int = 3
    ) -> String? {
        let wanted = Array(written.lowercased())
        guard !wanted.isEmpty, wanted.count <= 256 else { return nil }
        let limit = max(1, min(limit, wanted.count / 3))
        return names.filter { $0 != written && $0.utf8.count <= 512 }
            .map { (name: $0, letters: Array($0.lowercased())) }
            .filter { abs($0.letters.count - wanted.count) <= limit }
            .map { (name: $0.name, distance: distance(wanted, $0.letters)) }
            .filter { $0.distance <= limit }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
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
