import MicroDefaults
import SwiftProtobuf

/// The service: an implementation of the generated protocol.
///
/// It is an actor, since it keeps the notes that travellers leave.
actor RouteGuide: Routeguide_RouteGuide.Service {
    /// The most notes that are kept for a place.
    private static let noteLimit = 100

    private let features = [
        feature("Old Mill", 407_838_351, -746_143_763),
        feature("Bridge Inn", 408_122_808, -743_999_179),
        feature("Lookout", 413_628_156, -749_015_468),
    ]
    private var notes: [Routeguide_Point: [Routeguide_RouteNote]] = [:]

    /// One message each way.
    func getFeature(
        _ request: Routeguide_Point, context: RequestContext
    ) async throws -> Routeguide_Feature {
        known(at: request) ?? .with { $0.location = request }
    }

    /// Many messages out: the call ends when the function returns.
    func listFeatures(
        _ request: Routeguide_Rectangle, replies: MessageWriter<Routeguide_Feature>, context: RequestContext
    ) async throws {
        for feature in features where request.contains(feature.location) {
            try await replies.write(feature)
        }
    }

    /// Many messages in.
    func recordRoute(
        _ requests: MessageStream<Routeguide_Point>, context: RequestContext
    ) async throws -> Routeguide_RouteSummary {
        var summary = Routeguide_RouteSummary()
        var distance = 0.0
        var last: Routeguide_Point?
        for try await point in requests {
            summary.pointCount &+= 1
            if known(at: point) != nil { summary.featureCount &+= 1 }
            if let last { distance += last.distance(to: point) }
            last = point
        }
        summary.distance = Int32(clamping: Int64(distance))
        return summary
    }

    /// Many messages each way, in turn.
    func routeChat(
        _ requests: MessageStream<Routeguide_RouteNote>, replies: MessageWriter<Routeguide_RouteNote>,
        context: RequestContext
    ) async throws {
        for try await note in requests {
            let others = notes[note.location] ?? []
            notes[note.location] = (others + [note]).suffix(Self.noteLimit)
            try await replies.write(contentsOf: others)
        }
    }

    private func known(at point: Routeguide_Point) -> Routeguide_Feature? {
        features.first { $0.location == point }
    }
}

private func feature(_ name: String, _ latitude: Int32, _ longitude: Int32) -> Routeguide_Feature {
    .with {
        $0.name = name
        $0.location = point(latitude, longitude)
    }
}

/// A place on the map.
func point(_ latitude: Int32, _ longitude: Int32) -> Routeguide_Point {
    .with {
        $0.latitude = latitude
        $0.longitude = longitude
    }
}

extension Routeguide_Rectangle {
    fileprivate func contains(_ point: Routeguide_Point) -> Bool {
        let latitudes = min(low.latitude, high.latitude)...max(low.latitude, high.latitude)
        let longitudes = min(low.longitude, high.longitude)...max(low.longitude, high.longitude)
        return latitudes.contains(point.latitude) && longitudes.contains(point.longitude)
    }
}

extension Routeguide_Point {
    /// The distance in metres, on a plane: near enough for a walk.
    fileprivate func distance(to other: Routeguide_Point) -> Double {
        let metres = 0.0111
        let north = (Double(other.latitude) - Double(latitude)) * metres
        let east = (Double(other.longitude) - Double(longitude)) * metres
        return (north * north + east * east).squareRoot()
    }
}
