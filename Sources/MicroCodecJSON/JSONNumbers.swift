/// The numbers in a JSON text, for finding the one that a decoder could not use.
///
/// Foundation's decoder calls a text invalid whose number the field's type can't hold, and does not say which. So
/// numbers are replaced by ones that every type holds, until it has nothing to complain of.
struct JSONNumbers {
    /// The longest text that is worth it: it is decoded once for each doubling of its numbers.
    static let limit = 16 << 10

    private let text: [UInt8]
    private let ranges: [Range<Int>]

    /// Creates the numbers of a text.
    ///
    /// - Parameter text: The text, of which nothing is known.
    init(of text: [UInt8]) {
        self.text = text
        ranges = Self.walk(text).numbers
    }

    /// What is wrong with a number, in words.
    struct Culprit {
        let number: String
        let path: String
        let isFraction: Bool
    }

    /// Returns the number that makes a text undecodable.
    ///
    /// - Parameter isDecodable: Whether a text can be decoded as far as its numbers matter.
    /// - Returns: The number, or `nil` if it is something else that is wrong.
    func culprit(_ isDecodable: ([UInt8]) -> Bool) -> Culprit? {
        guard !ranges.isEmpty, isDecodable(replaced(ranges.count)) else { return nil }
        // With so many numbers replaced it can be decoded, and with so many it can't.
        var (enough, tooFew) = (ranges.count, 0)
        while enough - tooFew > 1 {
            let middle = (enough + tooFew) / 2
            if isDecodable(replaced(middle)) { enough = middle } else { tooFew = middle }
        }
        let range = ranges[enough - 1]
        let digits = text[range].prefix { $0 != UInt8(ascii: ".") }
        let number = String(decoding: text[range], as: UTF8.self)
        let isFraction = digits.count < range.count && isDecodable(replaced(enough, last: Array(digits)))
        return Culprit(
            number: number, path: Self.walk(text[..<range.lowerBound]).path, isFraction: isFraction)
    }

    /// The text with a number of its numbers replaced.
    private func replaced(_ count: Int, last: [UInt8] = [UInt8(ascii: "0")]) -> [UInt8] {
        var result: [UInt8] = []
        var position = 0
        for (index, range) in ranges.prefix(count).enumerated() {
            result += text[position..<range.lowerBound]
            result += index == count - 1 ? last : [UInt8(ascii: "0")]
            position = range.upperBound
        }
        return result + text[position...]
    }

    private enum Container {
        case object(key: Range<Int>?)
        case array(index: Int)
    }

    /// Returns where the well-formed numbers of a text are, and the path of the value at its end.
    private static func walk(_ text: some RandomAccessCollection<UInt8>) -> (
        numbers: [Range<Int>], path: String
    ) {
        let text = Array(text)
        var numbers: [Range<Int>] = []
        var containers: [Container] = []
        var position = 0
        while position < text.count {
            let start = position
            position += 1
            switch text[start] {
            case UInt8(ascii: "\""):
                while position < text.count, text[position] != UInt8(ascii: "\"") {
                    position += text[position] == UInt8(ascii: "\\") ? 2 : 1
                }
                position = min(position + 1, text.count)
                if case .object(nil) = containers.last {
                    containers[containers.count - 1] = .object(key: start + 1..<max(start + 1, position - 1))
                }
            case UInt8(ascii: "{"): containers.append(.object(key: nil))
            case UInt8(ascii: "["): containers.append(.array(index: 0))
            case UInt8(ascii: "}"), UInt8(ascii: "]"): containers.removeLast(min(1, containers.count))
            case UInt8(ascii: ","):
                switch containers.popLast() {
                case .object: containers.append(.object(key: nil))
                case .array(let index): containers.append(.array(index: index + 1))
                case nil: break
                }
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                while position < text.count, isInNumber(text[position]) { position += 1 }
                if isNumber(text[start..<position]) { numbers.append(start..<position) }
            default: break
            }
        }
        return (numbers, path(containers, in: text))
    }

    private static func path(_ containers: [Container], in text: [UInt8]) -> String {
        var path = ""
        for container in containers {
            switch container {
            case .object(let key):
                let name = key.map { String(decoding: text[$0], as: UTF8.self) } ?? ""
                path += path.isEmpty ? name : ".\(name)"
            case .array(let index): path += "[\(index)]"
            }
        }
        return path
    }

    private static func isInNumber(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }

    /// Whether it is what JSON calls a number: no leading zero, and digits on both sides of the point.
    private static func isNumber(_ token: ArraySlice<UInt8>) -> Bool {
        String(decoding: token, as: UTF8.self).wholeMatch(
            of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/) != nil
    }
}
