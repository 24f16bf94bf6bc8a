// All four shapes of calls with generated code, service and client in one program:
//
//     swift run route-guide         # the service
//     swift run route-guide call    # the client: one call of each shape
//
// `route_guide.pb.swift` and `route_guide.micro.swift` are generated from `route_guide.proto` by
// `make protos`.
import MicroDefaults

if CommandLine.arguments.dropFirst().first == "call" {
    await runProgram {
        try await withMicroClient { client in
            try await Traveller(guide: Routeguide_RouteGuide.Client(client, service: "route-guide")).travel()
        }
    }
} else {
    await MicroService("route-guide") { RouteGuide() }.main()
}
