import Testing

/// What the other tests find in Swift text.
@Suite(.timeLimit(.minutes(2))) struct SwiftSourceTests {
    private func source(_ text: String) -> SwiftSource { SwiftSource(path: "A/B.swift", text: text) }

    @Test func typesThatOtherFilesSeeAreDeclarations() {
        let text = """
            public struct One { enum Inner {} }
            private final class Two {}
            fileprivate typealias Three = Int
            private let number = 1
            package indirect enum Four {}
            @frozen public actor Five {}
            func six(protocol: Int, class Seven: Int) {}
            extension Eight { struct Nine {} }
            """
        #expect(source(text).declarations == ["One", "Four", "Five"])
    }

    @Test func namesBehindAPointAreOfSomethingElse() {
        let found = source("let a: One.Two = Three.four(Five()).Six; let seven: [Eight]").references
        #expect(found == ["One", "Three", "Five", "Eight"])
    }

    @Test func commentsAndLiteralsAreLeftOut() {
        let text = #####"""
            // One
            /* Two /* Three */ Four */
            let a = "Five \" \\" + #"Six " \(Seven)"# + "\(Eight("Nine")) Ten" + ##"\##(Eleven) \#(Twelve)"##
            let b = """
                Thirteen " \(Fourteen { $0 })
                """
            #if Fifteen
            #endif
            """#####
        #expect(source(text).references == ["Eight", "Eleven", "Fourteen", "Fifteen"])
    }

    @Test func importsAreModules() {
        let text = """
            import One
            @_exported public import Two
            #if canImport(Three)
                internal import Three
            #endif
            @testable import struct_like
            """
        #expect(source(text).imports == ["One", "Two", "Three", "struct_like"])
    }

    @Test func foldersAreThoseOfTheTarget() {
        #expect(source("").folder == "A")
        #expect(SwiftSource(path: "Plugin.swift", text: "").folder == ".")
    }
}
