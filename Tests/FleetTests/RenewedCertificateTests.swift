import Foundation
import MicroCore
import MicroTestSupport
import Testing

/// Certificates and their authority are replaced while services are called.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RenewedCertificateTests {
    @Test func costsNoCallAndNoRestart() async throws {
        let certificates = try await TestCertificates()
        let directory = certificates.directory.appending(path: "live")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let (certificate, key) = (directory.appending(path: "tls.crt"), directory.appending(path: "tls.key"))
        let roots = directory.appending(path: "ca.crt")
        func replace(_ file: URL, by paths: String...) throws {
            let data = try paths.reduce(Data()) { try $0 + Data(contentsOf: URL(filePath: $1)) }
            try data.write(to: file, options: .atomic)
        }
        let old = try await certificates.issue(.service("fleet"))
        let new = try await certificates.issue(.service("fleet"), by: .other)
        try replace(certificate, by: old.certificatePath)
        try replace(key, by: old.keyPath)
        try replace(roots, by: certificates.rootPath)

        let variables = [
            "MICRO_TLS_CERT": certificate.path, "MICRO_TLS_KEY": key.path, "MICRO_TLS_CA": roots.path,
            "MICRO_TLS_CLIENT_AUTH": "required", "MICRO_TLS_RELOAD_INTERVAL": "100ms",
            "MICRO_SERVER_ADVERTISE": "127.0.0.1",
        ]
        let tls = TLSConfiguration(
            certificateChain: .file(certificate.path), privateKey: .file(key.path),
            trustRoots: .file(roots.path), reloadInterval: .milliseconds(100))
        try await Fleet.run(3, variables) { fleet in
            let before = fleet.instances.map(\.process)
            let calls = try await Load.run(on: fleet, callers: 6, tls: tls) { load in
                // As an operator goes about it: trust both, renew, trust the new one alone.
                try replace(roots, by: certificates.rootPath, certificates.otherRootPath)
                try await Task.sleep(for: .milliseconds(300))
                try replace(certificate, by: new.certificatePath)
                try await load.waitForSuccesses(20)
                try replace(key, by: new.keyPath)
                try await load.waitForSuccesses(20)
                try replace(roots, by: certificates.otherRootPath)
                try await Task.sleep(for: .milliseconds(300))
                // One that starts now has the new files from the first moment on, and new connections to it are made.
                let restarted = fleet.instances[0]
                restarted.send(SIGTERM)
                #expect(try await restarted.exitStatus() == 0)
                try restarted.start()
                try await restarted.waitUntilReady()
                let process = restarted.process
                try await eventually("it answers") {
                    load.calls.suffix(100).contains { $0.process == process }
                }
            }
            #expect(calls.failures.isEmpty, "\(calls.summary)")
            #expect(fleet.instances.map(\.process).dropFirst() == before.dropFirst())
            for instance in fleet.instances {
                #expect(!instance.log.contains("can't be used"), "\(instance.log)")
            }
            // A client of its own, which trusts the new authority alone, reaches those that were never restarted.
            let others = try await Load.run(
                on: fleet, callers: 3,
                tls: TLSConfiguration(
                    certificateChain: .file(new.certificatePath), privateKey: .file(new.keyPath),
                    trustRoots: .file(certificates.otherRootPath))
            ) { load in
                try await eventually("all answer") { Set(load.calls.compactMap(\.process)).count == 3 }
            }
            #expect(others.failures.isEmpty, "\(others.summary)")
        }
    }
}
