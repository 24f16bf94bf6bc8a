/// A reason why a service can't start or a part of it can't be used.
///
/// It is about configuration and the machine, never about one call; that is a ``MicroError``. The
/// message names the variable, file or address, says what is wrong, and what to do.
public struct StartError: Error, Hashable, Sendable {
    /// What kind of reason it is.
    public struct Code: Hashable, Sendable {
        private enum Kind {
            case invalidConfiguration, unknownPlugin, duplicatePlugin, address, security, unavailable
        }

        private let kind: Kind

        /// A variable, flag, file or argument has a value that can't be used.
        public static var invalidConfiguration: Self { Self(kind: .invalidConfiguration) }

        /// A plugin was chosen that isn't linked.
        public static var unknownPlugin: Self { Self(kind: .unknownPlugin) }

        /// Two plugins of one role have one name, or plugins need each other in a circle.
        public static var duplicatePlugin: Self { Self(kind: .duplicatePlugin) }

        /// An address can't be bound or resolved.
        public static var address: Self { Self(kind: .address) }

        /// A certificate or key can't be used.
        public static var security: Self { Self(kind: .security) }

        /// Something that the service needs, such as a directory or multicast, isn't there.
        public static var unavailable: Self { Self(kind: .unavailable) }
    }

    /// What kind of reason it is.
    public var code: Code

    /// What is wrong and what to do.
    public var message: String

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: What kind of reason it is.
    ///   - message: What is wrong and what to do, in whole sentences.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension StartError: CustomStringConvertible {
    /// The message, fit for a log line.
    public var description: String { message.printable(limit: 4000) }
}
