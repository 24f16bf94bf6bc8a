// A service whose calls take as long as they are told to, and say which process has answered: for FleetTests.
import Foundation
import MicroDefaults

struct WorkRequest: Codable { var milliseconds: Int }
struct WorkReply: Codable { var process: Int32 }

let fleet = MicroService("fleet") {
    Endpoint("Fleet.Work") { (request: WorkRequest, context) in
        try await Task.sleep(for: .milliseconds(max(request.milliseconds, 0)))
        return WorkReply(process: ProcessInfo.processInfo.processIdentifier)
    }
}
await fleet.main()
