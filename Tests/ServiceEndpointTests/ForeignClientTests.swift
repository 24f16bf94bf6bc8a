import Foundation
import MicroTestSupport
import Testing

/// Python's gRPC clients, and our `micro`, with an example that runs as a user runs it.
@Suite(.timeLimit(.minutes(2))) struct ForeignClientTests {
    /// Starts the route guide on a free port.
    private func routeGuide(
        _ environment: [String: String] = [:]
    ) async throws -> (address: String, program: ForeignProgram) {
        let address = "127.0.0.1:\(try FreePort.tcp())"
        let program = try ForeignProgram(
            BuiltPrograms.path("route-guide"),
            environment: [
                "MICRO_REGISTRY": "memory", "MICRO_SERVER_ADDRESS": address,
                "MICRO_SERVER_DEREGISTRATION_DELAY": "300ms",
            ].merging(environment) { _, new in new })
        try await program.waitForOutput("Service started.")
        return (address, program)
    }

    private func python(_ script: String, _ arguments: String...) throws -> ForeignProgram {
        let program = try ForeignProgram(
            "python3", ["-u", "\(Protoc.folder)/Scripts/\(script)"] + arguments, package: "python3")
        program.closeInput()
        return program
    }

    private func micro(
        _ arguments: String..., environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String, errors: String) {
        let program = try ForeignProgram(BuiltPrograms.path("micro"), arguments, environment: environment)
        program.closeInput()
        let status = try await program.exitStatus()
        return (status, program.output, program.errorOutput)
    }

    @Test func grpcioChecksHealth() async throws {
        let (address, service) = try await routeGuide()
        let client = try python("health.py", address)
        try await client.waitForOutput("watching")
        await service.stop()
        #expect(try await client.exitStatus() == 0, "\(client.output)\(client.errorOutput)")
        #expect(
            client.output == """
                check: SERVING
                check routeguide.RouteGuide: SERVING
                check route-guide: SERVING
                check nothing: NOT_FOUND
                list: SERVING
                watching SERVING
                watched NOT_SERVING
                ended UNAVAILABLE

                """)
    }

    @Test func grpcioReflects() async throws {
        let (address, service) = try await routeGuide()
        let client = try python("reflection.py", address)
        #expect(try await client.exitStatus() == 0, "\(client.output)\(client.errorOutput)")
        #expect(
            client.output == """
                v1 Debug
                v1 grpc.health.v1.Health
                v1 grpc.reflection.v1.ServerReflection
                v1 grpc.reflection.v1alpha.ServerReflection
                v1 routeguide.RouteGuide
                v1alpha agrees
                GetFeature routeguide.Point routeguide.Feature unary unary
                ListFeatures routeguide.Rectangle routeguide.Feature unary stream
                RecordRoute routeguide.Point routeguide.RouteSummary stream unary
                RouteChat routeguide.RouteNote routeguide.RouteNote stream stream
                called Old Mill
                listed Old Mill, Bridge Inn
                no such symbol

                """)
        await service.stop()
    }

    @Test func theRouteGuideTellsTheWay() async throws {
        let name = "route-guide-\(UUID().uuidString.prefix(8).lowercased())"
        let (address, service) = try await routeGuide(["MICRO_SERVER_NAME": name])
        let client = try ForeignProgram(
            BuiltPrograms.path("route-guide"), ["call"],
            environment: ["MICRO_REGISTRY": "memory", "MICRO_PROXY": address])
        #expect(try await client.exitStatus() == 0, "\(client.errorOutput)")
        #expect(
            client.output == """
                feature: Old Mill
                in the area: Old Mill
                in the area: Bridge Inn
                walked: 3 points, 2 features, 24082 m
                note: nice view

                """)
        await service.stop()
        #expect(service.status == 0)
    }

    @Test func microAsksEachNode() async throws {
        let name = "asked-\(UUID().uuidString.prefix(8).lowercased())"
        let environment = ["MICRO_REGISTRY": "mdns"]
        let service = ["MICRO_SERVER_NAME": name, "MICRO_REGISTRY": "mdns"]
        let (first, one) = try await routeGuide(service)
        let (second, two) = try await routeGuide(service)

        let health = try await micro("health", name, environment: environment)
        #expect(health.status == 0, "\(health.errors)")
        #expect(health.output.hasPrefix("service  \(name)\n\nversion latest\n\nNODE"))
        let rows = health.output.split(separator: "\n").filter { $0.hasSuffix(" ok") }
        #expect(rows.count == 2)
        #expect(rows.contains { $0.contains(first) } && rows.contains { $0.contains(second) })

        let stats = try await micro("stats", name, environment: environment)
        #expect(stats.status == 0, "\(stats.errors)")
        #expect(stats.output.contains("REQUESTS"))
        #expect(stats.output.split(separator: "\n").filter { $0.hasPrefix("\(name)-") }.count == 2)

        let logs = try await micro("logs", name, environment: environment)
        #expect(logs.status == 0, "\(logs.errors)")
        #expect(logs.output.split(separator: "\n").filter { $0.contains("Service started.") }.count == 2)
        #expect(logs.output.contains("[\(name)-"))
        await one.stop()
        await two.stop()
    }

    @Test func microFollowsALog() async throws {
        let (address, service) = try await routeGuide()
        let logs = try ForeignProgram(
            BuiltPrograms.path("micro"), ["logs", "-f", "route-guide", "--address", address, "-o", "json"])
        logs.closeInput()
        try await logs.waitForOutput("Service started.")
        await service.stop()
        // The service's end is the end of its log, and an error for who wanted to follow it.
        #expect(try await logs.exitStatus() == 4, "\(logs.output)\(logs.errorOutput)")
        #expect(logs.errorOutput.contains("is stopping"))
        let messages = try logs.output.split(separator: "\n").map { line in
            let json = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return json?["message"] as? String
        }
        #expect(messages.first == "Listening for calls." && messages.contains("Service started."))
    }

    @Test func microSaysWhatIsNotServed() async throws {
        let (address, service) = try await routeGuide(["MICRO_DEBUG": "off", "MICRO_HEALTH": "off"])
        let health = try await micro("health", "route-guide", "--address", address)
        #expect(health.status == 5)
        #expect(
            health.output.contains(
                "health is not served: the service doesn't link it, or has switched it off"))
        let stats = try await micro("stats", "route-guide", "--address", address)
        #expect(stats.status == 5)
        #expect(stats.output.contains("Debug.Stats is not served"))
        let logs = try await micro("logs", "route-guide", "--address", address)
        #expect(logs.status == 5)
        #expect(logs.errors.contains("Debug.Log is not served"))
        await service.stop()

        let gone = try await micro("health", "route-guide", "--address", address)
        #expect(gone.status == 4)
        let unknown = try await micro("stats", "nobody", "--registry", "memory")
        #expect(unknown.status == 4)
        #expect(unknown.errors == "Service not found\n")
        let wrong = try await micro("logs", "route-guide", "--since", "soon", "--address", address)
        #expect(wrong.status == 64)
        #expect(wrong.errors.contains("--since is \"soon\""))
    }
}
