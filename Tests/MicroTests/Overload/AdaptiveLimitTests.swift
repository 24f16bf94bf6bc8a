import Testing

@testable import Micro

@Suite("The adaptive limit, in virtual time", .timeLimit(.minutes(2))) struct AdaptiveLimitTests {
    /// What 16 permits of 20 ms can do in a second.
    private static let capacity = 800.0

    @Test("keeps what an overloaded back end can do, and its latency", arguments: [1.1, 1.5, 3], [1, 2, 3])
    func overload(_ load: Double, _ seed: UInt64) {
        let station = VirtualStation(seed: seed, rate: { _ in load * Self.capacity })
        let result = station.run()
        #expect(result.goodput(from: 3, to: 10) >= 0.95 * Self.capacity)
        #expect(result.percentile(0.99, from: 3) < 5 * 0.02)
        #expect(result.missed.allSatisfy { $0 < 3 })
        let refused = Double(result.refused.count { $0 >= 3 }) / 7
        #expect(abs(refused - (load - 1) * Self.capacity) < 0.1 * Self.capacity)
    }

    @Test("without it the same back end answers nobody in time", arguments: [1.5, 3])
    func collapse(_ load: Double) {
        var station = VirtualStation(rate: { _ in load * Self.capacity })
        station.bounds.adaptiveFloor = nil
        let result = station.run()
        #expect(result.goodput(from: 5, to: 10) < 0.05 * Self.capacity)
        #expect(result.refused.isEmpty)
    }

    @Test("holds where service times vary", arguments: [1.5, 3], [1, 2])
    func variedOverload(_ load: Double, _ seed: UInt64) {
        let station = VirtualStation(
            seed: seed, rate: { _ in load * Self.capacity }, service: { $1.exponential() * 0.02 },
            seconds: 15)
        let result = station.run()
        #expect(result.goodput(from: 5, to: 15) >= 0.85 * Self.capacity)
        #expect(result.percentile(0.99, from: 5) < 0.3)
    }

    @Test("leaves a back end alone that has room", arguments: [0.3, 0.6, 0.85], [1, 2])
    func room(_ load: Double, _ seed: UInt64) {
        let result = VirtualStation(seed: seed, rate: { _ in load * Self.capacity }).run()
        #expect(result.refused.isEmpty && result.limit == nil)
    }

    @Test("leaves ten thousand sleeping calls alone, however suddenly they come")
    func sleepers() {
        let result = VirtualStation(
            backend: .unbounded, rate: { $0 < 3 ? 5 : 5000 }, service: { _, _ in 2 }, timeout: 30
        ).run()
        #expect(result.refused.isEmpty && result.inFlight > 9000)
    }

    @Test("leaves services alone whose calls take all kinds of times", arguments: [1, 2, 3])
    func varied(_ seed: UInt64) {
        func wave(_ second: Double) -> Double { 1000 + 900 * triangle(second / 3) }
        func triangle(_ phase: Double) -> Double { 4 * abs(phase - phase.rounded()) - 1 }
        let services: [(Double, inout SeededGenerator) -> Double] = [
            { $1.exponential() * 0.1 }, { $1.skewed() * 0.05 },
            { _, random in
                Double.random(in: 0..<1, using: &random) < 0.01 ? 5 : random.exponential() * 0.05
            },
            { _, random in Double.random(in: 0..<1, using: &random) < 0.5 ? 0.001 : 0.5 },
        ]
        for service in services {
            let result = VirtualStation(
                seed: seed, backend: .unbounded, rate: wave, service: service, timeout: 60
            ).run()
            #expect(result.refused.isEmpty)
        }
    }

    @Test("learns at once that a cold cache is no overload", arguments: [1, 2, 3])
    func coldCache(_ seed: UInt64) {
        let result = VirtualStation(
            seed: seed, backend: .unbounded, rate: { _ in 1000 },
            service: { second, _ in second < 3 ? 0.002 : 0.5 }, timeout: 60
        ).run()
        #expect(result.refused.count < 700)
        #expect(result.refused.allSatisfy { $0 < 7 })
    }

    @Test("follows a back end that becomes slower, and faster again", arguments: [1, 2])
    func slowdown(_ seed: UInt64) {
        let result = VirtualStation(
            seed: seed, rate: { _ in 0.7 * Self.capacity },
            service: { second, _ in 4..<14 ~= second ? 0.06 : 0.02 }, seconds: 26
        ).run()
        #expect(result.missed.isEmpty)
        #expect(result.goodput(from: 6, to: 14) > 0.85 * Self.capacity / 3)
        #expect(result.goodput(from: 16, to: 26) > 0.65 * Self.capacity)
        #expect(result.refused.allSatisfy { $0 < 16 })
    }

    @Test("goes when the load has gone")
    func end() {
        let result = VirtualStation(
            rate: { 3..<6 ~= $0 ? 3 * Self.capacity : 0.5 * Self.capacity }, seconds: 20
        ).run()
        #expect(!result.refused.isEmpty && result.limit == nil)
        #expect(result.refused.allSatisfy { $0 < 7 })
    }

    @Test("survives clients that come back at once whatever they are told")
    func retryStorm() {
        // Ten times as many calls as can be served.
        let result = VirtualStation(
            rate: { $0 < 2 ? 400 : 10 * Self.capacity }, seconds: 12, isCancellable: true
        ).run()
        #expect(result.goodput(from: 7, to: 12) >= 0.9 * Self.capacity)
    }

    @Test("survives a clock that jumps", arguments: [-3600, -0.05, 0.05, 3600.0])
    func clockJump(_ jump: Double) {
        let healthy = VirtualStation(
            rate: { _ in 0.5 * Self.capacity }, seconds: 12, clockError: { $0 < 4 ? 0 : jump }
        ).run()
        #expect(healthy.refused.isEmpty && healthy.missed.isEmpty)
        let overloaded = VirtualStation(
            rate: { _ in 1.5 * Self.capacity }, seconds: 14, clockError: { $0 < 4 ? 0 : jump }
        ).run()
        #expect(overloaded.goodput(from: 8, to: 14) >= 0.9 * Self.capacity)
    }

    @Test("never falls below its floor, and lets a back end recover that answered nobody")
    func hang() {
        let result = VirtualStation(
            rate: { _ in 0.5 * Self.capacity }, service: { second, _ in 4..<8 ~= second ? 3 : 0.02 },
            seconds: 40
        ).run()
        #expect(result.goodput(from: 25, to: 40) > 0.45 * Self.capacity)
        #expect(result.refused.allSatisfy { $0 < 25 })
    }
}
