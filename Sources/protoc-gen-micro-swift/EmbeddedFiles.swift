internal import Foundation
internal import SwiftProtobuf
internal import SwiftProtobufPluginLibrary

/// Writes the definitions of a `.proto` file and of all that it imports, for reflection.
///
/// Each file has them all, so that it depends on no other generated file: those may be in modules that
/// have none. They are text, which the compiler takes at once, and are decoded when somebody asks.
struct EmbeddedFiles {
    /// How many characters a line has.
    private static let width = 96

    private let files: [FileDescriptor]

    init(_ file: FileDescriptor) {
        var seen: Set<String> = []
        var files: [FileDescriptor] = []
        func visit(_ file: FileDescriptor) {
            guard seen.insert(file.name).inserted else { return }
            for dependency in file.dependencies { visit(dependency) }
            files.append(file)
        }
        visit(file)
        self.files = files
    }

    func print(to printer: inout CodePrinter) {
        printer.print("fileprivate nonisolated let _files: [MicroProtobuf.ProtobufService.File] = [")
        printer.withIndentation { printer in
            for file in files {
                printer.print(
                    "MicroProtobuf.ProtobufService.File(\"\(Self.quoted(file.name))\", base64: \"\"\"")
                printer.withIndentation { printer in
                    printer.print(Self.lines(of: file).joined(separator: "\\\n"), "\"\"\"),")
                }
            }
        }
        printer.print("]")
    }

    private static func quoted(_ text: String) -> String {
        text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
    }

    /// The definitions without comments, in base 64.
    private static func lines(of file: FileDescriptor) -> [String] {
        // A message that was read a moment ago can be written as well.
        let data = (try? file.extractProto().serializedData()) ?? Data()
        var rest = data.base64EncodedString()[...]
        var lines: [String] = []
        while !rest.isEmpty {
            lines.append(String(rest.prefix(width)))
            rest = rest.dropFirst(width)
        }
        return lines
    }
}
