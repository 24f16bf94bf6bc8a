/// Who we are for an etcd that asks for a user.
public struct EtcdCredentials: Hashable, Sendable {
    /// The name of the user.
    public var user: String

    /// The password.
    public var password: String

    /// Creates credentials.
    ///
    /// - Parameters:
    ///   - user: The name of the user.
    ///   - password: The password.
    public init(user: String, password: String) {
        self.user = user
        self.password = password
    }
}
