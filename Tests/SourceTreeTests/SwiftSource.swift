import Foundation

/// A Swift file, as far as what it declares, mentions and imports is concerned.
struct SwiftSource {
    /// Its path in its target's folder, such as `Calls/Message.swift`.
    let path: String

    /// The types that it declares for other files, not those inside of other types.
    let declarations: Set<String>

    /// The names that can be types and don't stand behind a `.`.
    let references: Set<String>

    /// The modules that it imports.
    let imports: Set<String>

    /// The folder of the file in its target's folder; `.` for the target's folder itself.
    var folder: String {
        let end = path.lastIndex(of: "/")
        return end.map { String(path[..<$0]) } ?? "."
    }

    /// Reads Swift text.
    init(path: String, text: String) {
        self.path = path
        let tokens = SwiftTokens.of(text)
        references = Set(
            tokens.compactMap { token in
                guard case .word(let word, isMember: false) = token, word.first?.isUppercase == true else {
                    return nil
                }
                return word
            })
        declarations = Self.declarations(in: tokens)
        imports = Set(
            zip(tokens, tokens.dropFirst()).compactMap { pair in
                guard case (.word("import", _), .word(let module, _)) = pair else { return nil }
                return module
            })
    }

    private static let declaring: Set = ["struct", "class", "enum", "actor", "protocol", "typealias"]

    private static let modifiers: Set = [
        "public", "package", "internal", "open", "final", "indirect", "nonisolated", "distributed",
    ]

    private static func declarations(in tokens: [SwiftTokens.Token]) -> Set<String> {
        var names: Set<String> = []
        var (depth, isPrivate) = (0, false)
        for (token, next) in zip(tokens, tokens.dropFirst()) {
            switch token {
            case .open: depth += 1
            case .close: depth -= 1
            case .word("private", _), .word("fileprivate", _): isPrivate = true
            case .word(let word, isMember: false) where depth == 0 && declaring.contains(word):
                if !isPrivate, case .word(let name, _) = next, name.first?.isUppercase == true {
                    names.insert(name)
                }
            case .word(let word, _):
                if !modifiers.contains(word) { isPrivate = false }
            }
        }
        return names
    }

    // MARK: Files

    /// The folder of the package.
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Reads all Swift files of a target.
    static func files(of target: String) throws -> [SwiftSource] {
        let folder = root.appending(path: "Sources/\(target)")
        return try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".swift") }
            .sorted()
            .map { path in
                SwiftSource(
                    path: path, text: try String(contentsOf: folder.appending(path: path), encoding: .utf8))
            }
    }
}
