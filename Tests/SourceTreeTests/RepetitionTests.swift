import Foundation
import Testing

/// Nothing is written twice.
@Suite(.timeLimit(.minutes(2))) struct RepetitionTests {
    /// So many lines that are the same are no coincidence.
    private static let length = 6

    /// Pairs of files that may repeat each other, and why.
    private static let exceptions: [(first: String, second: String)] = [
        // Overloads for `Codable` types and for Protobuf messages: what differs is in the declarations alone.
        ("Micro/Server/Endpoint+Codable.swift", "MicroProtobuf/Endpoint+Message.swift"),
        ("Micro/Client/MicroClient+Streams.swift", "MicroProtobuf/MicroClient+Message.swift"),
        // To be mended.
        ("MicroGRPC/Client/ClientStream.swift", "MicroGRPC/Server/ServerStream+Handler.swift"),
        ("MicroGRPC/Client/ClientStreamHandle.swift", "MicroGRPC/Server/ServerStreamHandle.swift"),
    ]

    @Test func noTwoPlacesInSourcesSayTheSame() throws {
        let folder = SwiftSource.root.appending(path: "Sources")
        var files: [String: String] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        where path.hasSuffix(".swift") && !Self.isGenerated(path) {
            files[path] = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
        }
        #expect(files.count > 300)
        for repetition in Repetition.all(in: files, length: Self.length)
        where !Self.exceptions.contains(where: { $0 == (repetition.first.file, repetition.second.file) }) {
            Issue.record("\(repetition): let both use one piece of code, if they mean the same.")
        }
    }

    private static func isGenerated(_ path: String) -> Bool {
        path.contains("/Generated/") || path.hasSuffix(".pb.swift") || path.hasSuffix(".micro.swift")
    }

    // MARK: What counts

    private func found(_ files: [String: String], _ length: Int = 3) -> [String] {
        Repetition.all(in: files, length: length).map(\.description)
    }

    @Test func linesOfTwoFilesAreFoundInTheirFullLength() {
        let one = "func a() {\n    let x = 1\n    let y = 2\n    return x + y\n}\n"
        let two =
            "// Another.\n\nfunc b() {\n        let x = 1\n\n        let y = 2\n        return x + y\n}\n"
        #expect(found(["A.swift": one, "B.swift": two]) == ["A.swift:2 and B.swift:4 share 3 lines"])
        #expect(found(["A.swift": one, "B.swift": two], 4) == [])
        #expect(found(["A.swift": one, "B.swift": one]) == ["A.swift:1 and B.swift:1 share 4 lines"])
    }

    @Test func linesOfOneFileAreFoundUnlessTheyOverlap() {
        #expect(
            found(["A.swift": "a\nb\nc\nd\na\nb\nc\n"]) == ["A.swift:1 and A.swift:5 share 3 lines"])
        #expect(found(["A.swift": "a\na\na\na\na\n"]) == [])
    }

    @Test func whatStandsInThreePlacesIsThreePairs() {
        #expect(found(["A.swift": "a\nb\nc", "B.swift": "a\nb\nc", "C.swift": "a\nb\nc"]).count == 3)
    }

    @Test func theEndOfOneDeclarationAndTheStartOfAnotherAreNone() {
        let text = "a\nb\n/// What is next.\nc\nd\n"
        #expect(found(["A.swift": text, "B.swift": text]) == [])
        #expect(found(["A.swift": text, "B.swift": text], 2).count == 2)
    }

    @Test func importsCommentsAndBracketsDoNotCount() {
        let text = """
            // A comment.
            import One
            @_exported public import Two
            #if canImport(Glibc)
                internal import Glibc
            #else
            #endif
            }
            ) {
            let a = 1

            """
        #expect(found(["A.swift": text, "B.swift": text], 2) == [])
        #expect(found(["A.swift": text, "B.swift": text], 1) == ["A.swift:10 and B.swift:10 share 1 lines"])
    }
}
