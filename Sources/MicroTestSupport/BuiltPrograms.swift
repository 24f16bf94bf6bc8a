internal import Foundation

/// The programs of this package, as they were built together with the tests.
public enum BuiltPrograms {
    /// The folder of the package.
    public static var package: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
    }

    /// Returns the path of a program, which lies beside the program that runs the tests.
    ///
    /// - Parameter name: The name of the product.
    /// - Returns: The path.
    /// - Throws: A ``TestSupportError`` if the tests don't know where they are.
    public static func path(_ name: String) throws -> String {
        guard let tests = Bundle.main.executableURL else {
            throw TestSupportError("The path of the test program is not known.")
        }
        var folder = tests.resolvingSymlinksInPath().deletingLastPathComponent()
        if !FileManager.default.isExecutableFile(atPath: folder.appendingPathComponent(name).path) {
            // The tests may be run by a program of the toolchain.
            folder = URL(fileURLWithPath: package).appendingPathComponent(".build/debug")
        }
        return folder.appendingPathComponent(name).path
    }
}
