internal import MicroCore

/// PEM text with the words by which errors name it.
struct PEMText {
    /// A file of the system's roots has about 250 KiB.
    static let maximumSize = 8 << 20

    /// The text.
    let bytes: [UInt8]

    /// What it is and where it comes from: `the private key (file /etc/greeter/tls.key)`.
    let name: String

    /// Reads a source.
    ///
    /// - Parameters:
    ///   - source: Where the text is.
    ///   - what: What it should be, such as `private key`.
    /// - Throws: A ``StartError`` if the file can't be read.
    init(_ source: TLSConfiguration.PEMSource, what: String) throws(StartError) {
        switch source {
        case .text(let text):
            name = "The \(what) (given as text)"
            bytes = Array(text.utf8)
            guard bytes.count <= Self.maximumSize else {
                throw StartError(.security, "\(name) is larger than \(Self.maximumSize) bytes.")
            }
        case .file(let path):
            name = "The \(what) (file \(path))"
            do throws(SmallFile.Failure) {
                bytes = try SmallFile.bytes(of: path, limit: Self.maximumSize)
            } catch {
                throw StartError(.security, "\(name) \(error.reason)")
            }
        }
    }
}
