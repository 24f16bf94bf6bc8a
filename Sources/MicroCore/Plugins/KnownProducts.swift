/// The products of this package that have plugins, to tell a user what to link.
///
/// They come from `Products.txt`, which the package's own plugins need not be linked for.
package enum KnownProducts {
    /// One plugin.
    package struct Row: Sendable, Hashable {
        /// The role of the plugin.
        package let role: String

        /// The name of the plugin, and its other names.
        package let names: [String]

        /// The product that has it.
        package let product: String

        /// What it offers in a role that is a set.
        package let provides: [String]
    }

    /// All plugins.
    package static var rows: [Row] {
        String(decoding: PackageResources.Products_txt, as: UTF8.self).split(separator: "\n")
            .compactMap { line in
                let fields = line.split(separator: " ").map(String.init)
                guard fields.count >= 3, !line.hasPrefix("#") else { return nil }
                return Row(
                    role: fields[0], names: fields[1].split(separator: ",").map(String.init),
                    product: fields[2], provides: Array(fields.dropFirst(3)))
            }
    }

    /// Returns the product that has a plugin.
    ///
    /// - Parameters:
    ///   - role: The name of the role.
    ///   - name: The name by which the plugin is chosen.
    /// - Returns: The product; `nil` if this package has none.
    package static func product(role: String, name: String) -> String? {
        rows.first { $0.role == role && $0.names.contains(name) }?.product
    }

    /// Returns the product with a plugin that offers something.
    ///
    /// - Parameters:
    ///   - role: The name of the role, which is a set.
    ///   - offer: What is looked for, see ``Plugin/provides``.
    /// - Returns: The product; `nil` if this package has none.
    package static func product(role: String, providing offer: String) -> String? {
        rows.first { $0.role == role && $0.provides.contains(offer) }?.product
    }

    /// Returns a product with a plugin of a role, the preferred one if there is a choice.
    static func example(role: String, preferred: [String]) -> String? {
        preferred.lazy.compactMap { product(role: role, name: $0) }.first
            ?? rows.filter { $0.role == role }.map(\.product).min()
    }
}
