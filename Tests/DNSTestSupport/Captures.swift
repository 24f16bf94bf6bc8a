/// Bytes that go-micro v2.9.1 programs have sent.
package enum Captures {
    /// A lookup of `go.micro.srv.greeter`.
    package static let query = bytes(
        "f3fa0000000100000000000002676f056d6963726f037372760767726565746572056d6963726f00000c0001")

    /// A question for all services.
    package static let listQuery = bytes("a3db00000001000000000000095f7365727669636573056d6963726f00000c0001")

    /// A reply to the question for all services, for `micro.http.broker` on the machine `vm`.
    package static let brokerListing = bytes(
        """
        000084000001000400000000095f7365727669636573056d6963726f00000c0001c00c000c0001000000780014056d69\
        63726f04687474700662726f6b6572c00cc02d0021000100000078000a000a0001270f02766d00c05300010001000000\
        78000400000000c02d00100001000000780000
        """)

    /// A reply to the question for all services, for `go.micro.srv.mdnscap` on the machine `vm`.
    package static let greeterListing = bytes(
        """
        000084000001000400000000095f7365727669636573056d6963726f00000c0001c00c000c000100000078001702676f\
        056d6963726f03737276076d646e73636170c00cc02d0021000100000078000a000a0001270f02766d00c05600010001\
        00000078000400000000c02d00100001000000780000
        """)

    /// The strings of the text of `go.micro.srv.mdnscap`.
    package static let greeterText = strings(
        """
        789cec594d6fd43010fd2f3e4739004268afa50524da030b5caaaa7293616bad3336e3c942a8f2df91b3d97c6fb32b2e\
        69c869e5e779ce38f3fc6c6f9ec41a68a722102bb13161a22232a1a35d98c4e822694520be03396550ac84960c8e4520\
        2e31b646213bb1ba7d1228134fff40000c147e04ad8d0804c1cfd487afaa882f251208ce6c1bd8499d426bb86b704e6e\
        60cd92a16674d03eedc67cc32d64107f560c24b5abb9435d870130d53a0faa51de9b1bc31726b1921a0fefa0cf736dd6\
        2316d0115639b14ff8c3f4665b822de65d83ab905fbfaa5987e69127a5b845f30baf14e8b8f1766eef5285fcee38aff8\
        a9c21d93c2cd405682c059830e5a852fa146e52b6429fde44bbff14b7b5feed1f227c032962cc5ea296f0cb196d9e20c\
        3395c7e20cff6de913f74fa6c00432010a2fb402e47d73d0202e0c32fc6e18440db4331b1259356ec9adda1d6a234b3f\
        171fb3124c2988c1a4fdc909e8a525fd22d2fd0a8ec3cbe87178b7f01dbd1da30d2ed63179ebb032d346c6673008acce\
        ee9dfa0323c91dd96cf612e96e381d7451ce0c9553b94e4579e6346378f4345347c72063ad10ee13d79af7db3767ec83\
        85dd5d49a507edce77f4ecae0d2ea29dbc68557cbaa822138f595c5381bc57ce89833b969cbad3e3b70a47535f0c77d6\
        da9da7e1ae35801d74dca2a767b91d74d1ede4757b924416df9a6dfd67ea5bc5b5f9e8717142d7f8ab14a3e11bfc0eb0\
        79772f9bcb929afc923ae718cb2a01c732b123826f2ebf62aae71d373dd45164fae022520f40075506828d55916f8689\
        c8f3bb405c37080f64b645f023b3cfd6926113195d7cfbb07b0d6f9463ca7c9231fa37e68abfffea082689ce1ae20394\
        e77f030000ffffb79afb0f
        """)

    /// The strings of the text of an HTTP broker's node.
    package static let brokerText = strings(
        """
        789c3c8d31aa03310c05eff26ae303a8ffe5af02e9155b26265ecb48da34cbde3d2c84d4c3cc1cb889bd7b1110b65e4c\
        f33362e587e94b0c097731ef3a4168ed87b816f640c2dfac4bfb0c07cd7d8c847f09ae1c0c3af06d102e0d092e65b7eb\
        d378b8202174f50242e40de7f9090000ffff0e3e2f35
        """)

    /// The text of a service `other` without endpoints and metadata.
    package static let emptyText = strings(
        """
        789caa560a4e2d2acb4c4e55b252ca2fc9482d52d2510a4b2d2acecccf53b252ca492c492d2e51d25172cd4b29c8cfcc\
        2b2956b2ca2bcdc9d151f24d2d494c492c4984f06b01010000ffff678818ae
        """)

    /// What is in ``brokerText``.
    package static let brokerJSON =
        #"{"Service":"micro.http.broker","Version":"ff.http.broadcast","Endpoints":null,"#
        + #""Metadata":{"broker":"http","secure":"false","topic":"t.m"}}"#

    /// Reads hexadecimal digits.
    package static func bytes(_ digits: String) -> [UInt8] {
        let digits = Array(digits.utf8)
        return stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<min($0 + 2, digits.count)], as: UTF8.self), radix: 16)
        }
    }

    /// Cuts a text in strings as go-micro does.
    private static func strings(_ text: String) -> [[UInt8]] {
        let bytes = Array(text.utf8)
        return stride(from: 0, to: bytes.count, by: 255).map { Array(bytes[$0..<min($0 + 255, bytes.count)]) }
    }
}
