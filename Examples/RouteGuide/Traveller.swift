import MicroDefaults
import SwiftProtobuf

/// The client: one call of each shape.
struct Traveller {
    let guide: Routeguide_RouteGuide.Client

    func travel() async throws {
        let mill = try await guide.getFeature(point(407_838_351, -746_143_763))
        print("feature: \(mill.name)")

        let area = Routeguide_Rectangle.with {
            $0.low = point(400_000_000, -750_000_000)
            $0.high = point(410_000_000, -740_000_000)
        }
        try await guide.listFeatures(area) { features in
            for try await feature in features { print("in the area: \(feature.name)") }
        }

        let summary = try await guide.recordRoute { points in
            try await points.write(point(407_838_351, -746_143_763))
            try await points.write(point(407_900_000, -746_000_000))
            try await points.write(point(408_122_808, -743_999_179))
        }
        print("walked: \(summary.pointCount) points, \(summary.featureCount) features, \(summary.distance) m")

        try await guide.routeChat { notes, answers in
            for text in ["nice view", "steep"] {
                try await notes.write(
                    .with {
                        $0.location = point(413_628_156, -749_015_468)
                        $0.text = text
                    })
            }
            try await notes.finish()
            for try await note in answers { print("note: \(note.text)") }
        }
    }
}
