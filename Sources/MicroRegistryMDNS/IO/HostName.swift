internal import MicroDNS

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension DNSName {
    /// The name of this machine, without a domain, as go-micro uses it.
    static var thisHost: DNSName {
        var text = [CChar](repeating: 0, count: DNSName.maximumSize + 1)
        // Sound because the function writes at most the given number of characters, and the last one of
        // the array stays zero.
        let result = gethostname(&text, text.count - 1)
        let bytes = text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        let name = result == 0 ? DNSName(String(decoding: bytes, as: UTF8.self)) : nil
        return name ?? DNSName("localhost") ?? DNSName()
    }
}
