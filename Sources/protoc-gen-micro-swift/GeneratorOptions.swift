internal import SwiftProtobufPluginLibrary

/// What a user asks for with `--micro-swift_opt=NAME=VALUE,…`.
struct GeneratorOptions {
    var visibility = Visibility.internal
    var fileNaming = FileNaming.fullPath
    var mappings = ProtoFileToModuleMappings()
    var extraModuleImports: [String] = []
    var server = true
    var client = true

    /// Whether imports have an access level; decided by the visibility unless it is given.
    private var accessLevelOnImports: Bool?

    init(_ parameter: any CodeGeneratorParameter) throws {
        for (name, value) in parameter.parsedPairs { try set(name, value) }
    }

    private mutating func set(_ name: String, _ value: String) throws {
        switch name {
        case "Visibility":
            visibility = try Self.choice(name, value)
        case "FileNaming":
            fileNaming = try Self.choice(name, value)
        case "ProtoPathModuleMappings":
            do { mappings = try ProtoFileToModuleMappings(path: value) } catch {
                throw OptionError("The file \"\(value)\" of ProtoPathModuleMappings can't be used: \(error).")
            }
        case "ExtraModuleImports":
            guard Names.isIdentifier(value) else {
                throw OptionError("ExtraModuleImports is \"\(value)\". It must be the name of a module.")
            }
            extraModuleImports.append(value)
        case "UseAccessLevelOnImports":
            accessLevelOnImports = try Self.switched(name, value)
        case "Server":
            server = try Self.switched(name, value)
        case "Client":
            client = try Self.switched(name, value)
        default:
            throw OptionError("There is no option \"\(name)\".\n\(Self.help)")
        }
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ value: String
    ) throws -> Choice where Choice.RawValue == String {
        if let choice = Choice.allCases.first(where: { $0.rawValue.lowercased() == value.lowercased() }) {
            return choice
        }
        let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw OptionError("\(name) is \"\(value)\". It must be one of \(choices).")
    }

    private static func switched(_ name: String, _ value: String) throws -> Bool {
        guard let value = Bool(value.lowercased()) else {
            throw OptionError("\(name) is \"\(value)\". It must be true or false.")
        }
        return value
    }

    /// The keyword in front of an import.
    ///
    /// An import without an access level has the one that the rest of a user's module gives it, be it
    /// internal or public: that fits what is internal in each of them. What is visible outside needs more.
    var importKeyword: String {
        accessLevelOnImports ?? (visibility != .internal) ? "\(visibility.keyword) import" : "import"
    }

    /// What there is to ask for.
    static let help = """
        Options, as --micro-swift_opt=NAME=VALUE, several with commas between them:
          Visibility=Internal|Package|Public    who sees the generated code; Internal by default
          FileNaming=FullPath|PathToUnderscores|DropPath
                                                where it is written; FullPath by default
          ProtoPathModuleMappings=FILE          which .proto file is compiled into which module
          ExtraModuleImports=MODULE             a module to import as well; may be repeated
          UseAccessLevelOnImports=true|false    whether imports say internal, package or public
          Server=true|false                     whether to write protocol and endpoints; true by default
          Client=true|false                     whether to write the client; true by default
        """
}

/// Who sees the generated code.
enum Visibility: String, CaseIterable {
    case `internal` = "Internal"
    case package = "Package"
    case `public` = "Public"

    var keyword: String { rawValue.lowercased() }

    /// What precedes a declaration.
    var prefix: String { self == .internal ? "" : keyword + " " }
}

/// Where the output for a `.proto` file goes.
enum FileNaming: String, CaseIterable {
    case fullPath = "FullPath"
    case pathToUnderscores = "PathToUnderscores"
    case dropPath = "DropPath"

    /// Returns the name of the output, relative to what `--micro-swift_out` says.
    func output(for path: String) -> String {
        var name = path.hasSuffix(".proto") ? String(path.dropLast(".proto".count)) : path
        switch self {
        case .fullPath: break
        case .pathToUnderscores: name = String(name.map { $0 == "/" ? "_" : $0 })
        case .dropPath: name = name.split(separator: "/").last.map(String.init) ?? name
        }
        return name + ".micro.swift"
    }
}

/// An option that can't be used.
struct OptionError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
