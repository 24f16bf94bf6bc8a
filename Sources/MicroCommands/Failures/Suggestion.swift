internal import MicroCore
internal import MicroPluginKit

/// Finds what a user may have meant by a name that doesn't exist.
enum Suggestion {
    /// A question for the user, behind the message of what failed; empty if no name is near.
    static func question(_ written: String, among names: some Sequence<String>) -> String {
        NearestName.find(written, among: names).map { "\nDid you mean \"\($0.printable())\"?" } ?? ""
    }
}
