import MicroCore
import MicroEtcd
import MicroWire
import Testing

@testable import MicroRegistryEtcd

@Suite(.timeLimit(.minutes(2))) struct ConfigurationTests {
    @Test func readsVariables() throws {
        let configuration = try EtcdRegistry.Configuration(
            context: .context([
                "MICRO_REGISTRY_ADDRESS": "10.0.0.1:2379, https://etcd.example:23790,[::1]",
                "MICRO_REGISTRY_USER": "root", "MICRO_REGISTRY_PASSWORD": "secret",
                "MICRO_REGISTRY_TIMEOUT": "1500ms", "MICRO_REGISTRY_PREFIX": "/other/registry/",
                "MICRO_TLS_CA": "/shared.pem", "MICRO_REGISTRY_TLS_CA": "/etcd.pem",
            ]))
        #expect(configuration.credentials == .init(user: "root", password: "secret"))
        #expect(configuration.timeout == .milliseconds(1500))
        #expect(configuration.tls?.trustRoots == .file("/etcd.pem"))
        let endpoints = try configuration.endpoints()
        #expect(endpoints.map(\.address) == ["10.0.0.1:2379", "etcd.example:23790", "[::1]:2379"])
        #expect(endpoints.map(\.isSecure) == [true, true, true])
        #expect(KeyLayout(prefix: configuration.prefix).prefix == "/other/registry/")
    }

    @Test func takesWhatAllShare() throws {
        let configuration = try EtcdRegistry.Configuration(
            context: .context(["MICRO_TLS_CA": "/shared.pem", "MICRO_REGISTRY_ADDRESS": "http://localhost,b"])
        )
        #expect(configuration.tls?.trustRoots == .file("/shared.pem"))
        #expect(try configuration.endpoints().map(\.isSecure) == [false, true])
        let none = try EtcdRegistry.Configuration(context: .empty)
        #expect(none == .defaults)
        #expect(try none.endpoints().map(\.isSecure) == [false])
    }

    @Test(arguments: [
        ("MICRO_REGISTRY_ADDRESS", "host:port"), ("MICRO_REGISTRY_ADDRESS", "a:1,b:99999"),
        ("MICRO_REGISTRY_ADDRESS", "ftp://a:1"), ("MICRO_REGISTRY_ADDRESS", "http://a:1/path"),
        ("MICRO_REGISTRY_ADDRESS", "user@a:1"), ("MICRO_REGISTRY_ADDRESS", ","),
        ("MICRO_REGISTRY_ADDRESS", ":2379"),
        ("MICRO_REGISTRY_ADDRESS", "a:0"), ("MICRO_REGISTRY_ADDRESS", "nowhere:at:all"),
        ("MICRO_REGISTRY_TIMEOUT", "0"),
        ("MICRO_REGISTRY_TIMEOUT", "soon"),
        ("MICRO_REGISTRY_PREFIX", "registry"), ("MICRO_REGISTRY_PREFIX", "/"),
        ("MICRO_REGISTRY_USER", "root"),
        ("MICRO_REGISTRY_PASSWORD", "secret"), ("MICRO_REGISTRY_TLS_CERT", "/a.pem"),
    ])
    func saysWhichVariableIsWrong(name: String, value: String) throws {
        let error = try #require(throws: StartError.self) {
            try EtcdRegistry.Configuration(context: .context([name: value]))
        }
        #expect(error.message.contains(name) && !error.message.contains("secret"), "\(error)")
    }
}

@Suite(.timeLimit(.minutes(2))) struct KeyTests {
    private let layout = KeyLayout(prefix: "/micro/registry")

    @Test func keysAreThoseOfGoMicro() {
        let node = NodeKey(service: "go.micro.srv.greeter", version: "1.0", id: "go.micro.srv.greeter-1")
        #expect(layout.key(of: node) == "/micro/registry/go.micro.srv.greeter/go.micro.srv.greeter-1")
        let slashed = NodeKey(service: "a/b", version: "1/2", id: "c/d")
        #expect(layout.key(of: slashed) == "/micro/registry/a-b/c-d")
        #expect(layout.key(of: slashed, isPlain: false) == "/micro/registry/a-b/c-d@1-2")
    }

    @Test func rangesEndBehindTheirLastKey() {
        #expect(layout.range(of: "a").start == .init("/micro/registry/a/".utf8))
        #expect(layout.range(of: "a").end == .init("/micro/registry/a0".utf8))
        #expect(layout.all.end == .init("/micro/registry0".utf8))
    }
}

@Suite(.timeLimit(.minutes(2))) struct RecordReaderTests {
    private func read(_ texts: [String]) -> [ServiceRecord?] {
        var reader = RecordReader(unreadable: UnreadableKeys())
        return texts.map { reader.read(Array($0.utf8), at: "k") }
    }

    private func whole(_ text: String) -> ServiceRecord? {
        (try? ServiceRecord(json: Array(text.utf8))).flatMap { $0.nodes.isEmpty ? nil : $0 }
    }

    /// Texts that begin alike, and must be read as if each were alone.
    @Test func sharedStartsChangeNothing() {
        let start = #"{"name":"a","version":"1","metadata":{"k":"v"},"endpoints":[{"name":"E"}]"#
        let texts = [
            start + #","nodes":[{"id":"1","address":"x:1"}]}"#,
            start + #","nodes":[{"id":"2","address":"x:2"}]}"#,
            start + #","nodes":[{"id":"3","address":"x:3"}],"version":"2"}"#,
            start + #","nodes":[{"id":"4","address":"x:4"}],"metadata":{"k":"w"}}"#,
            start + #","nodes":[]}"#,
            start + #","nodes":[{"id":"5","address":"x:5"}]"#,
            start + #","nodes":[{"id":"6","address":"x:6"}]}}"#,
            start + #","other":{"nodes":[1]},"nodes":[{"id":"7","address":"x:7"}]}"#,
            start + #","nodes":[{"id":"8","address":"x:8"}],"other":{"x":1,"nodes":[{"id":"9"}]}}"#,
            start + #","x":{"y":1,"nodes":[{"id":"0"}]}}"#,
            #"{"version":"1","nodes":[{"id":"1","address":",\"nodes\":["}],"name":"b"}"#,
        ]
        #expect(read(texts) == texts.map(whole))
        #expect(read(Array(texts.reversed())) == texts.reversed().map(whole))
        // What stands behind the nodes belongs to one value alone.
        let bare = [
            #"{"name":"a","nodes":[{"id":"1","address":"x:1"}],"version":"2"}"#,
            #"{"name":"a","nodes":[{"id":"2","address":"x:2"}]}"#,
        ]
        #expect(read(bare) == bare.map(whole))
        #expect(read([texts[0], texts[0], texts[1]]).compactMap { $0?.nodes.first?.id } == ["1", "1", "2"])
    }
}
