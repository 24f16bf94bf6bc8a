public import Logging
public import MicroCore

/// Warnings that connections are less safe than they may look.
public enum SecurityWarning {
    /// Warns of TLS that does not verify whom it speaks to.
    ///
    /// - Parameters:
    ///   - tls: Certificates and verification; there is no warning unless they turn verification off.
    ///   - peers: Who is not verified: `the services that are called`.
    public static func unverified(_ tls: TLSConfiguration?, _ peers: String) {
        guard tls?.insecurelySkipsVerification == true else { return }
        Logger.current.warning("MICRO_TLS_INSECURE_SKIP_VERIFY is set: anybody may pose as \(peers).")
    }

    /// Warns of plaintext that leaves the machine.
    ///
    /// - Parameters:
    ///   - subject: What can be read and changed on its way, with its verb: `Events travel`.
    ///   - address: Where it goes; there is no warning if that is on this machine.
    ///   - advice: What to do, as a sentence.
    public static func plaintext(_ subject: String, at address: ListenAddress, advice: String) {
        guard !address.isLocal else { return }
        logPlaintext(subject, at: address.description, advice: advice)
    }

    /// Logs that plaintext leaves the machine, where that is known.
    ///
    /// - Parameters:
    ///   - subject: What can be read and changed on its way, with its verb: `Events travel`.
    ///   - address: Where it goes.
    ///   - advice: What to do, as a sentence.
    ///   - level: The level of the line.
    public static func logPlaintext(
        _ subject: String, at address: String, advice: String, level: Logger.Level = .warning
    ) {
        Logger.current.log(
            level: level, "\(subject) unencrypted beyond this machine. \(advice)",
            metadata: ["server.address": "\(address.printableAddress())"])
    }
}
