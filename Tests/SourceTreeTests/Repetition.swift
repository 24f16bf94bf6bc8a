import Foundation

/// Lines that stand in two places.
struct Repetition: CustomStringConvertible {
    /// A file, and the number of the first of the lines in it.
    struct Place: Hashable, CustomStringConvertible {
        let file: String
        let line: Int

        var description: String { "\(file):\(line)" }
    }

    let first: Place
    let second: Place

    /// How many lines they are, of those that count.
    let count: Int

    var description: String { "\(first) and \(second) share \(count) lines" }

    /// Finds the lines that stand in two places, be it of two files or of one.
    ///
    /// Lines count as they are but for white space; comments, imports, conditions of the compiler and lines without a
    /// letter or digit, such as a closing bracket, don't count. The end of one declaration and the start of the next, as
    /// a documentation comment shows it, are no repetition together.
    ///
    /// - Parameters:
    ///   - files: The texts of the files by their names.
    ///   - length: How many lines behind each other are a repetition.
    /// - Returns: The pairs of places, each with as many lines as they share.
    static func all(in files: [String: String], length: Int) -> [Repetition] {
        let files = files.sorted { $0.key < $1.key }.map { ($0.key, lines(of: $0.value)) }
        var places: [[Substring]: [Position]] = [:]
        for (file, (_, lines)) in files.enumerated() where lines.count >= length {
            for start in 0...(lines.count - length)
            where lines[start].declaration == lines[start + length - 1].declaration {
                places[lines[start..<start + length].map(\.text), default: []].append(
                    Position(file: file, line: start))
            }
        }
        // Windows that overlap are one repetition, which is longer.
        var windows: [Pair: [Int]] = [:]
        for group in places.values where group.count > 1 {
            for (index, first) in group.enumerated() {
                for second in group[(index + 1)...]
                where first.file != second.file || second.line - first.line >= length {
                    let pair = Pair(
                        first: first.file, second: second.file, distance: second.line - first.line)
                    windows[pair, default: []].append(first.line)
                }
            }
        }
        return windows.flatMap { pair, starts in
            runs(of: starts).map { run in
                func place(_ file: Int, _ line: Int) -> Place {
                    Place(file: files[file].0, line: files[file].1[line].number)
                }
                return Repetition(
                    first: place(pair.first, run.lowerBound),
                    second: place(pair.second, run.lowerBound + pair.distance), count: run.count + length - 1)
            }
        }
        .sorted { ($1.count, "\($0)") < ($0.count, "\($1)") }
    }

    private struct Position {
        let file: Int
        let line: Int
    }

    private struct Pair: Hashable {
        let first: Int
        let second: Int
        let distance: Int
    }

    /// Returns the ranges of numbers that follow each other.
    private static func runs(of numbers: [Int]) -> [Range<Int>] {
        numbers.sorted().reduce(into: []) { runs, number in
            if let last = runs.last, last.upperBound == number {
                runs[runs.count - 1] = last.lowerBound..<number + 1
            } else {
                runs.append(number..<number + 1)
            }
        }
    }

    /// A line that counts.
    private struct Line {
        let number: Int
        let text: Substring

        /// How many documentation comments stand in front of it.
        let declaration: Int
    }

    private static func lines(of text: String) -> [Line] {
        var lines: [Line] = []
        var declaration = 0
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0 == " " }
            if line.hasPrefix("///") { declaration += 1 }
            guard line.contains(where: { $0.isLetter || $0.isNumber }), !line.hasPrefix("//"),
                !line.hasPrefix("#if"), !line.hasPrefix("#else"), !line.hasPrefix("#endif"), !isImport(line)
            else { continue }
            lines.append(Line(number: index + 1, text: line, declaration: declaration))
        }
        return lines
    }

    private static func isImport(_ line: Substring) -> Bool {
        let accesses: Set<Substring> = ["public", "package", "internal", "private"]
        let word = line.split(separator: " ").first { !$0.hasPrefix("@") && !accesses.contains($0) }
        return word == "import"
    }
}
