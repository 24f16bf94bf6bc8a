import MicroCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct CallPathTests {
    @Test(arguments: [
        ("/greeter.Greeter/Hello", "greeter", "Greeter.Hello"),
        ("/go.micro.srv.greeter.Greeter/Hello", "go.micro.srv.greeter", "Greeter.Hello"),
        ("/Greeter/Hello", "", "Greeter.Hello"),
    ])
    func pathsAreTakenApartAndPutTogether(text: String, service: String, endpoint: String) throws {
        let path = try #require(CallPath(text))
        #expect(path.service == service)
        #expect(path.endpoint == endpoint)
        #expect(path.description == text)
        #expect(CallPath(service: service, endpoint: endpoint).description == text)
    }

    @Test(arguments: ["", "/", "//", "/a", "a/b", "/a/", "//b", "/a/b/c", "/a./b", "a"])
    func otherTextsAreRefused(text: String) { #expect(CallPath(text) == nil) }

    @Test func aWholePathGoesBeforeTheService() {
        #expect(CallPath(service: "ignored", endpoint: "/echo.Echo/Unary").description == "/echo.Echo/Unary")
        #expect(CallPath(service: "svc", endpoint: "Hello").description == "/svc.Hello/Hello")
    }
}

@Suite(.timeLimit(.minutes(2))) struct AddressTests {
    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1", 8080), (":0", "", 0), ("localhost", "localhost", 0),
        ("[::1]:8080", "::1", 8080), ("[::1]", "::1", 0), ("::1", "::1", 0), ("", "", 0),
        ("a:65535", "a", 65535),
    ])
    func hostsAndPorts(text: String, host: String, port: Int) throws {
        let address = try ListenAddress(parsing: text)
        #expect(address.hostPort?.host == host)
        #expect(address.hostPort?.port == port)
        #expect(try ListenAddress(parsing: address.description) == address)
    }

    @Test(arguments: [
        "a:", "a:b", "a:-1", "a:+1", "a:65536", "a:99999999999999999999", "[::1", "[::1]8080", "[::1]:",
        "a b:1",
        "a\u{0}:1", "unix:", "unix:" + String(repeating: "x", count: 108),
        String(repeating: "h", count: 256) + ":1",
        "a:٣",
    ])
    func badAddressesAreNamed(text: String) {
        let error = #expect(throws: StartError.self) { try ListenAddress(parsing: text) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(text.printable()) == true)
    }

    @Test func aPortAloneIsToldHowToBeWritten() {
        let error = #expect(throws: StartError.self) { try ListenAddress(parsing: "9305") }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("\":9305\"") == true)
        #expect(error?.message.contains("host:port") == true)
    }

    @Test func unixSockets() throws {
        let address = try ListenAddress(parsing: "unix:/run/x.sock")
        #expect(address.unixSocketPath == "/run/x.sock")
        #expect(address.hostPort == nil)
        #expect(address.description == "unix:/run/x.sock")
        #expect(address.isLocal)
    }

    @Test(arguments: [
        ("nats:orders.new", "orders.new"), ("orders", "orders"), ("nats:7", "7"), ("nats:a:b", "a:b"),
        ("9305", "9305"),
    ])
    func namesOfATransport(text: String, name: String) throws {
        let address = try ListenAddress(parsing: text, scheme: "nats")
        #expect(address == .named(name, scheme: "nats"))
        #expect(address.named?.name == name && address.named?.scheme == "nats")
        #expect(address.hostPort == nil && address.unixSocketPath == nil && !address.isLocal)
        #expect(address.nodeAddress == name && address.description == "nats:\(name)")
        #expect(try ListenAddress(parsing: address.description, scheme: "nats") == address)
    }

    @Test func whatIsNoNameIsReadAsEver() throws {
        for text in [":0", "", "10.0.0.1:80", "unix:/run/x.sock", "[::1]:5"] {
            let address = try ListenAddress(parsing: text)
            #expect(try ListenAddress(parsing: text, scheme: "nats") == address)
            #expect(address.named == nil && address.nodeAddress == address.description)
        }
        for text in ["nats:", "nats:a b", "a b", "x:99999", "nats:" + String(repeating: "n", count: 256)] {
            let error = #expect(throws: StartError.self) { try ListenAddress(parsing: text, scheme: "nats") }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains(text.printable()) == true)
        }
    }

    @Test func localAddresses() {
        for host in ["localhost", "127.0.0.1", "127.1.2.3", "::1"] {
            #expect(ListenAddress.host(host, port: 1).isLocal)
        }
        for host in ["", "0.0.0.0", "::", "10.0.0.1", "127.example.com", "127.0.0.1.nip.io"] {
            #expect(!ListenAddress.host(host, port: 1).isLocal)
        }
    }
}

@Suite(.timeLimit(.minutes(2))) struct MessageTests {
    @Test func headroomStandsInFront() {
        let message = EncodedMessage([1, 2, 3])
        #expect(message.count == 3)
        #expect(message.bytes == [1, 2, 3])
        #expect(message.withBytes { $0.byteCount } == 3)
        #expect(message.storage.count == 8)
        #expect(EncodedMessage(withHeadroom: [9, 9, 9, 9, 9, 1, 2, 3]) == message)
        #expect(Set([message, EncodedMessage(withHeadroom: [9, 9, 9, 9, 9, 1, 2, 3])]).count == 1)
    }

    @Test func shortStorageIsFilledUp() {
        #expect(EncodedMessage(withHeadroom: []).isEmpty)
        #expect(EncodedMessage(withHeadroom: [1, 2]) == EncodedMessage())
    }

    @Test func prefixOverwritesOnlyTheHeadroom() {
        var message = EncodedMessage([7])
        message.writePrefix(flag: 1, length: 0x0102_0304)
        #expect(message.storage == [1, 1, 2, 3, 4, 7])
        #expect(message == EncodedMessage([7]))
    }
}

@Suite(.timeLimit(.minutes(2))) struct ExecutionPolicyTests {
    @Test func aSlowHandlerMovesAndReturns() {
        let executionPolicy = ExecutionPolicy(.automatic)
        #expect(!executionPolicy.usesPool)
        for _ in 0..<100 { executionPolicy.note(nanoseconds: 100_000) }
        #expect(executionPolicy.usesPool)
        for _ in 0..<20 { executionPolicy.note(nanoseconds: 40_000) }
        #expect(executionPolicy.usesPool, "between the two thresholds it stays where it is")
        for _ in 0..<200 { executionPolicy.note(nanoseconds: 1_000) }
        #expect(!executionPolicy.usesPool)
        for _ in 0..<200 { executionPolicy.note(nanoseconds: 40_000) }
        #expect(!executionPolicy.usesPool, "between the two thresholds it stays where it is")
    }

    @Test func aFixedExecutionPolicyStays() {
        let (inPlace, pool) = (ExecutionPolicy(.inPlace), ExecutionPolicy(.globalPool))
        for _ in 0..<100 {
            inPlace.note(nanoseconds: .max)
            pool.note(nanoseconds: 0)
        }
        #expect(!inPlace.usesPool)
        #expect(pool.usesPool)
    }

    @Test func largeMessagesGoToThePoolUnlessToldOtherwise() {
        #expect(!ExecutionPolicy(.automatic).usesPool(messageSize: 65535))
        #expect(ExecutionPolicy(.automatic).usesPool(messageSize: 65536))
        #expect(!ExecutionPolicy(.inPlace).usesPool(messageSize: 1 << 20))
        #expect(ExecutionPolicy(.automatic).usesPool(messageSize: .max))
        #expect(ExecutionPolicy(.globalPool).usesPool(messageSize: 0))
    }

    @Test func largeMessagesThatAreCheapComeBack() {
        let executionPolicy = ExecutionPolicy()
        for _ in 0..<100 { executionPolicy.note(nanoseconds: 30_000, messageSize: 1 << 16) }
        #expect(!executionPolicy.usesPool(messageSize: 1 << 16))
        #expect(
            executionPolicy.usesPool(messageSize: (1 << 20) - 1), "as much for each KiB it would take 0.5 ms")
        for _ in 0..<100 { executionPolicy.note(nanoseconds: 6_400, messageSize: 1 << 16) }
        #expect(!executionPolicy.usesPool(messageSize: (1 << 20) - 1))
        #expect(executionPolicy.usesPool(messageSize: 1 << 20))

        executionPolicy.note(nanoseconds: .max, messageSize: 1 << 16)
        #expect(
            !executionPolicy.usesPool(messageSize: 1 << 16),
            "one sample may be that of a thread that lost its core"
        )
        for _ in 0..<10 { executionPolicy.note(nanoseconds: 3_000_000, messageSize: 1 << 16) }
        #expect(executionPolicy.usesPool(messageSize: 1 << 16))
    }

    @Test func aFewAbsurdSamplesDoNoHarm() {
        let executionPolicy = ExecutionPolicy()
        for sample in [Int64.max, -1, 0, Int64.max] { executionPolicy.note(nanoseconds: sample) }
        #expect(!executionPolicy.usesPool)
    }

    @Test func aHandlerThatHoldsItsThreadIsReportedOnce() {
        let executionPolicy = ExecutionPolicy()
        #expect(!executionPolicy.note(nanoseconds: 99_000_000))
        #expect(executionPolicy.note(nanoseconds: 101_000_000))
        #expect(!executionPolicy.note(nanoseconds: 101_000_000))
    }
}
