import MicroCore
import MicroEtcd
import SwiftProtobuf

@testable import MicroRegistryEtcd

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension FuzzTarget {
    /// The answers of an etcd, the values in it, and its addresses.
    static var etcd: FuzzTarget {
        FuzzTarget(name: "etcd") {
            var range = EtcdPBRangeResponse()
            (range.header.revision, range.header.clusterID, range.more) = (.max, .max, true)
            var pair = EtcdPBKeyValue()
            pair.key = .init("/micro/registry/greeter/a".utf8)
            pair.value = .init(
                #"{"name":"greeter","version":"1","metadata":null,"endpoints":[],"nodes":[{"id":"a"}]}"#.utf8)
            range.kvs = [pair]
            var watch = EtcdPBWatchResponse()
            watch.events = [.with { $0.kv = pair }]
            let messages: [[UInt8]] =
                [try? range.serializedBytes(), try? watch.serializedBytes()].compactMap(\.self)
            return messages + [[UInt8](pair.value), Array("https://user:pass@[::1]:2379/".utf8)]
        } run: { input in
            let message = EncodedMessage(input)
            if let response: EtcdPBRangeResponse = try? EtcdCoding.decode(message) {
                for pair in response.kvs { read([UInt8](pair.value)) }
            }
            if let response: EtcdPBWatchResponse = try? EtcdCoding.decode(message) {
                for event in response.events { read([UInt8](event.kv.value)) }
            }
            let _: EtcdPBLeaseGrantResponse? = try? EtcdCoding.decode(message)
            let _: EtcdPBTxnResponse? = try? EtcdCoding.decode(message)
            read(input)
            _ = EtcdEndpoint(String(decoding: input, as: UTF8.self))
        }
    }

    /// Reads a value twice, the second time with what is remembered of the first.
    private static func read(_ value: [UInt8]) {
        var reader = RecordReader(unreadable: UnreadableKeys())
        let first = reader.read(value, at: "k")
        check(reader.read(value, at: "k") == first, "a value is read in two ways")
    }
}
