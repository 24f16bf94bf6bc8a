import Testing

/// Folders form a line: what is in one uses what is below it, and nothing above.
@Suite(.timeLimit(.minutes(2))) struct FolderOrderTests {
    @Test(arguments: FolderOrder.all)
    func theOrderHasAllFolders(order: FolderOrder) throws {
        let folders = Set(try SwiftSource.files(of: order.target).map(\.folder))
        #expect(Set(order.folders) == folders, "Put each folder of \(order.target) in FolderOrder.all.")
    }

    @Test(arguments: FolderOrder.all)
    func noFileMentionsATypeOfAFolderAboveIt(order: FolderOrder) throws {
        let files = try SwiftSource.files(of: order.target)
        let positions = Dictionary(
            uniqueKeysWithValues: order.folders.enumerated().map { ($1, $0) })
        var homes: [String: String] = [:]
        for file in files { for name in file.declarations { homes[name] = file.folder } }
        #expect(!homes.isEmpty)
        var upward: [String] = []
        for file in files {
            for name in file.references.sorted() {
                guard let home = homes[name], let there = positions[home], let here = positions[file.folder],
                    there > here
                else { continue }
                upward.append("\(order.target)/\(file.path) mentions \(name) of \(home)")
            }
        }
        #expect(upward == [], "Move the file up or the type down, or change FolderOrder.all.")
    }
}
