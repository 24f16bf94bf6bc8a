internal import SwiftProtobufPluginLibrary

/// Names of `.proto` files as Swift has them.
enum Names {
    /// Words that can't be used as a name unless they stand in backticks.
    private static let keywords: Set<String> = [
        "Any", "as", "associatedtype", "break", "case", "catch", "class", "continue", "default", "defer",
        "deinit", "do", "else", "enum", "extension", "fallthrough", "false", "fileprivate", "for", "func",
        "guard", "if", "import", "in", "inout", "internal", "is", "let", "nil", "operator",
        "precedencegroup", "private", "protocol", "public", "repeat", "rethrows", "return", "static",
        "struct", "subscript", "super", "switch", "throw", "throws", "true", "try", "typealias", "var",
        "where", "while",
    ]

    /// Words that mean something else behind a dot, even in backticks.
    private static let unusable: Set<String> = ["init", "self", "Self", "Type", "Protocol"]

    /// Types that a service of the same name, in a file without a package, would hide from generated code.
    private static let hidden: Set<String> = [
        "Micro", "MicroCore", "MicroProtobuf", "SwiftProtobuf", "Swift", "Sendable", "String", "Error",
    ]

    /// Returns the type that stands for a service.
    static func type(of service: ServiceDescriptor, _ namer: SwiftProtobufNamer) -> String {
        let name = namer.typePrefix(forFile: service.file) + service.name
        let isUsable = !unusable.contains(name) && !keywords.contains(name) && !hidden.contains(name)
        return isUsable ? name : name + "_Service"
    }

    /// Returns the functions that stand for the methods of a service, in their order.
    ///
    /// They begin with a small letter. Methods that differ only in how they are written keep their names.
    static func functions(of service: ServiceDescriptor) -> [String] {
        let names = service.methods.map { NamingUtils.toLowerCamelCase($0.name) }
        let counts = names.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        return zip(names, service.methods).map { name, method in
            escaped(counts[name] == 1 ? name : method.name)
        }
    }

    private static func escaped(_ name: String) -> String {
        if unusable.contains(name) { return name + "_" }
        return keywords.contains(name) ? "`\(name)`" : name
    }

    /// Whether a text can be the name of a module.
    static func isIdentifier(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, first.properties.isXIDStart || first == "_" else {
            return false
        }
        return text.unicodeScalars.allSatisfy { $0.properties.isXIDContinue }
    }
}
