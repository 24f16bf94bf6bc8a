import Foundation
import MicroCore
import MicroHTTP1
import MicroPluginKit
import MicroTestSupport
import Testing

/// The HTTP/1.1 server and client by themselves.
@Suite(.timeLimit(.minutes(1))) struct HTTP1Tests {
    private func withServer(
        limits: HTTP1Limits = HTTP1Limits(), handler: @escaping HTTP1Server.Handler,
        _ body: (HTTP1Server) async throws -> Void
    ) async throws {
        let server = try await HTTP1Server.open(
            on: .host("127.0.0.1", port: 0), limits: limits, handler: handler)
        do { try await body(server) } catch {
            await server.shutdown(deadline: .now)
            throw error
        }
        await server.shutdown(deadline: .now)
    }

    private let echo: HTTP1Server.Handler = { request in
        HTTP1Response(
            status: 200, headers: ["X-Method": request.method, "X-Target": request.target], body: request.body
        )
    }

    @Test func connectionsAreKeptAndShared() async throws {
        try await withServer(handler: { HTTP1Response(status: 200, body: Array($0.peer.utf8)) }) { server in
            let client = HTTP1Client()
            var peers: Set<[UInt8]> = []
            for _ in 0..<10 {
                let response = try await client.send(
                    HTTP1Request(), to: server.address.description, as: .host("x"), timeout: .seconds(20))
                #expect(response.status == 200)
                peers.insert(response.body)
            }
            #expect(peers.count == 1)
            #expect(client.idleConnections == 1)
            client.shutdown()
            #expect(client.idleConnections == 0)
        }
    }

    @Test func bodiesOfAllSizes() async throws {
        try await withServer(handler: echo) { server in
            let client = HTTP1Client()
            for size in [0, 1, 65_536, 3 << 20] {
                let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                let response = try await client.send(
                    HTTP1Request(method: "PUT", target: "/a?b=c", body: body), to: server.address.description,
                    as: .host("x"), timeout: .seconds(20))
                #expect(response.body == body)
                #expect(response.headers["x-method"] == "PUT")
                #expect(response.headers["X-TARGET"] == "/a?b=c")
            }
            client.shutdown()
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let slow: HTTP1Server.Handler = { request in
            if request.target == "/0" { try? await Task.sleep(for: .milliseconds(100)) }
            return HTTP1Response(status: 200, body: Array(request.target.utf8))
        }
        try await withServer(handler: slow) { server in
            let requests = (0..<100).map { number in
                "GET /\(number) HTTP/1.1\\r\\nHost: x\\r\\n"
                    + (number == 99 ? "Connection: close\\r\\n\\r\\n" : "\\r\\n")
            }
            let answer = try await Python.run(Python.raw, server.address.description, requests.joined())
            // Each body stands between the end of its header and the next answer's first letter.
            let bodies = answer.components(separatedBy: "\r\n\r\n").dropFirst()
                .map { $0.prefix { $0 != "H" }.trimmingCharacters(in: .whitespacesAndNewlines) }
            #expect(bodies == (0..<100).map { "/\($0)" })
        }
    }

    @Test func slowClientsAreTimedOut() async throws {
        var limits = HTTP1Limits()
        limits.serverIdleTimeout = .milliseconds(200)
        limits.firstHeaderTimeout = .milliseconds(200)
        limits.bodyTimeout = .milliseconds(200)
        try await withServer(limits: limits, handler: echo) { server in
            let address = server.address.description
            #expect(try await Python.run(Python.raw, address, "") == "\n")
            #expect(try await Python.run(Python.raw, address, "POST / HT") == "\n")
            let body = try await Python.run(
                Python.raw, address, "POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 5\\r\\n\\r\\nab")
            #expect(body.hasPrefix("HTTP/1.1 408 "))
        }
    }

    /// What was read behind a request stops the reading, and the end of the connection is seen nevertheless.
    @Test func aClientThatGoesCancelsItsHandlerBehindPipelinedRequests() async throws {
        let (entered, cancelled) = (Latch(), Latch())
        let stuck: HTTP1Server.Handler = { _ in
            entered.open()
            do { try await Task.sleep(for: .seconds(1000)) } catch { cancelled.open() }
            return HTTP1Response(status: 200)
        }
        try await withServer(handler: stuck) { server in
            let requests = String(repeating: "GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n", count: 3)
            let client = try ForeignProgram(
                "python3", ["-c", Python.raw, server.address.description, requests], package: "python3")
            await entered.wait()
            await client.stop()
            #expect(await cancelled.wait(until: .now + .seconds(20)))
        }
    }

    @Test func aClientThatGoesCancelsItsHandler() async throws {
        let (entered, cancelled) = (Latch(), Latch())
        let stuck: HTTP1Server.Handler = { _ in
            entered.open()
            do { try await Task.sleep(for: .seconds(1000)) } catch { cancelled.open() }
            return HTTP1Response(status: 200)
        }
        try await withServer(handler: stuck) { server in
            let address = server.address.description
            await withTaskGroup { group in
                group.addTask {
                    let client = HTTP1Client()
                    do throws(HTTP1Failure) {
                        _ = try await client.send(
                            HTTP1Request(), to: address, as: .host("x"), timeout: .seconds(60))
                        Issue.record("A cancelled request was answered.")
                    } catch {
                        #expect(error.isSent)
                    }
                }
                await entered.wait()
                group.cancelAll()
            }
            #expect(await cancelled.wait(until: .now + .seconds(20)))
        }
    }

    @Test func cancellingEndsAConnectThatNobodyAnswers() async throws {
        let server = try ForeignProgram("python3", ["-c", Python.deaf], package: "python3")
        try await server.waitForOutput("\n")
        let address = server.output.trimmingCharacters(in: .whitespacesAndNewlines)
        var limits = HTTP1Limits()
        limits.connectTimeout = .seconds(30)
        let client = HTTP1Client(limits: limits)
        await withTaskGroup { group in
            group.addTask {
                let error = await #expect(throws: HTTP1Failure.self) {
                    _ = try await client.send(
                        HTTP1Request(), to: address, as: .host("x"), timeout: .seconds(60))
                }
                #expect(error?.isSent == false)
                #expect(error?.reason == "\(address) was not asked: cancelled.")
            }
            try? await Task.sleep(for: .milliseconds(100))
            group.cancelAll()
        }
        await server.stop()
    }

    @Test func failuresSayWhetherTheRequestWasSent() async throws {
        let client = HTTP1Client()
        let port = try FreePort.tcp()
        for (address, text) in [
            ("127.0.0.1:\(port)", "Can't connect"), ("nowhere", "host:port"), (":80", "host:port"),
        ] {
            let error = await #expect(throws: HTTP1Failure.self) {
                _ = try await client.send(HTTP1Request(), to: address, as: .host("x"), timeout: .seconds(20))
            }
            #expect(error?.isSent == false)
            #expect(error?.reason.contains(text) == true, "\(error?.reason ?? "")")
        }
        let late: HTTP1Server.Handler = { _ in
            try? await Task.sleep(for: .seconds(1000))
            return HTTP1Response(status: 200)
        }
        try await withServer(handler: late) { server in
            let error = await #expect(throws: HTTP1Failure.self) {
                _ = try await client.send(
                    HTTP1Request(), to: server.address.description, as: .host("x"),
                    timeout: .milliseconds(100))
            }
            #expect(error?.isSent == true)
            #expect(error?.reason.contains("in time") == true)
        }
    }

    @Test func shuttingDownLetsAnswersFinish() async throws {
        let (entered, gate) = (Latch(), Latch())
        let server = try await HTTP1Server.open(on: .host("127.0.0.1", port: 0)) { _ in
            entered.open()
            await gate.wait()
            return HTTP1Response(status: Task.isCancelled ? 500 : 200)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let response = try await HTTP1Client().send(
                    HTTP1Request(), to: server.address.description, as: .host("x"), timeout: .seconds(20))
                #expect(response.status == 200)
                #expect(response.headers["Connection"] == "close")
            }
            await entered.wait()
            group.addTask { await server.shutdown(deadline: .now + .seconds(20)) }
            try await Task.sleep(for: .milliseconds(50))
            gate.open()
            try await group.waitForAll()
        }
    }

    @Test func tooManyConnectionsAreRefused() async throws {
        var limits = HTTP1Limits()
        limits.maximumConnections = 1
        let (entered, gate) = (Latch(), Latch())
        try await withServer(
            limits: limits,
            handler: { _ in
                entered.open()
                await gate.wait()
                return HTTP1Response(status: 200)
            }
        ) { server in
            let address = server.address.description
            try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    try await HTTP1Client().send(
                        HTTP1Request(), to: address, as: .host("x"), timeout: .seconds(20)
                    ).status
                }
                await entered.wait()
                await #expect(throws: HTTP1Failure.self) {
                    _ = try await HTTP1Client().send(
                        HTTP1Request(), to: address, as: .host("x"), timeout: .seconds(20))
                }
                gate.open()
                let status = try await group.next()
                #expect(status == 200)
            }
        }
    }
}
