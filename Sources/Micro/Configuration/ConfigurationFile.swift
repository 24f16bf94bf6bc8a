internal import FoundationEssentials
import MicroCore

/// A configuration file: a JSON object whose nested keys are those of the variables.
///
/// ```json
/// { "registry": "etcd", "client": { "request_timeout": "2s" } }
/// ```
///
/// Where a key is both a choice and a scope, the choice may be written as `"registry": {"": "etcd"}`
/// or as a key `registry` beside `registry_address`.
enum ConfigurationFile {
    /// Where the file is.
    static let path = Setting(
        "config.file", .text("a path"), scope: .shared,
        "a JSON file with settings, which everything else goes before")

    /// The largest file that is read.
    private static let limit = 1 << 20

    /// Reads a file.
    ///
    /// - Parameter path: The file's path.
    /// - Returns: The values by the variables' names.
    /// - Throws: A ``StartError`` that names the file.
    static func read(_ path: String) throws(StartError) -> [String: String] {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw invalid(path, "can't be read. Check that it exists and is readable")
        }
        guard data.count <= limit else { throw invalid(path, "has more than \(limit) bytes") }
        guard let object = try? JSONDecoder().decode([String: FileValue].self, from: data) else {
            throw invalid(path, "is not a JSON object of strings, numbers, booleans, lists and objects")
        }
        var variables: [String: String] = [:]
        for (key, value) in object { value.flatten(into: &variables, name: Settings.variable(of: key)) }
        return variables
    }

    private static func invalid(_ path: String, _ reason: String) -> StartError {
        StartError(.invalidConfiguration, "The configuration file \"\(path)\" \(reason).")
    }

}

/// A value in the file.
private enum FileValue: Decodable {
    case text(String)
    case list([String])
    case object([String: FileValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let object = try? container.decode([String: FileValue].self) {
            self = .object(object)
        } else if let list = try? container.decode([String].self) {
            self = .list(list)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let flag = try? container.decode(Bool.self) {
            self = .text("\(flag)")
        } else if let number = try? container.decode(Int.self) {
            self = .text("\(number)")
        } else {
            self = .text("\(try container.decode(Double.self))")
        }
    }

    func flatten(into variables: inout [String: String], name: String) {
        switch self {
        case .text(let text): variables[name] = text
        case .list(let list): variables[name] = list.joined(separator: ",")
        case .object(let object):
            for (key, value) in object {
                let inner =
                    key.isEmpty ? name : "\(name)_\(Settings.variable(of: key).dropFirst("MICRO_".count))"
                value.flatten(into: &variables, name: inner)
            }
        }
    }
}
