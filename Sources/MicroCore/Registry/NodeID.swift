/// The ids of nodes.
package enum NodeID {
    /// The most bytes of a name that are kept: over mDNS an id and the name of its service make one DNS name, of
    /// 255 bytes at most.
    private static let maximumNameSize = 100

    /// The most bytes of a part between dots, as in DNS.
    private static let maximumLabelSize = 63

    /// Returns the id of a node, `NAME-UNIQUE` as in go-micro.
    ///
    /// mDNS makes a DNS name of it. Where that would not be one, since a part between dots is empty or has more
    /// than 63 bytes, or the whole is too long, only the beginning of the name's last part is kept. What is unique
    /// in the id stays whole.
    ///
    /// - Parameters:
    ///   - name: The name of the service, or of the topic.
    ///   - unique: A part that no other node has, such as a UUID.
    /// - Returns: The id.
    package static func make(name: String, unique: String) -> String {
        let id = "\(name)-\(unique)"
        let labels = id.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if name.utf8.count <= maximumNameSize,
            labels.allSatisfy({ (1...maximumLabelSize).contains($0.count) })
        {
            return id
        }
        let last = name.split(separator: ".").last ?? ""
        let room = maximumLabelSize - 1 - unique.utf8.count
        var start = ""
        for character in last {
            guard start.utf8.count + character.utf8.count <= room else { break }
            start.append(character)
        }
        return start.isEmpty ? unique : "\(start)-\(unique)"
    }
}
