internal import Micro
internal import MicroCore
internal import MicroPluginKit
internal import SwiftProtobuf

/// Answers the calls of go-micro's `Debug`.
struct DebugService: Debug_Debug.Service {
    let rule: CallerRule
    let buffer: LogBuffer
    let recorder: SpanRecorder?

    func health(_ request: Debug_HealthRequest, context: RequestContext) async throws -> Debug_HealthResponse
    {
        .with { $0.status = "ok" }
    }

    func stats(_ request: Debug_StatsRequest, context: RequestContext) async throws -> Debug_StatsResponse {
        let overview = context.overview
        let now = UInt64(max(0, WallClock.seconds))
        let uptime = UInt64(max(0, (ContinuousClock.now - overview.startTime).components.seconds))
        let usage = ProcessUsage.current
        let endpoints = overview.endpoints
        return .with {
            $0.timestamp = now
            $0.started = now - min(now, uptime)
            $0.uptime = uptime
            $0.memory = usage.memory
            $0.threads = usage.threads
            $0.requests = endpoints.reduce(0) { $0 &+ UInt64(max(0, $1.callCount)) }
            $0.errors = endpoints.reduce(0) { $0 &+ UInt64(max(0, $1.errorCount)) }
        }
    }

    func log(
        _ request: Debug_LogRequest, replies: MessageWriter<Debug_Record>, context: RequestContext
    ) async throws {
        try rule.check(context)
        let limit = request.count > 0 ? Int(clamping: request.count) : LogBuffer.capacity
        guard request.stream else {
            return try await replies.write(
                contentsOf: buffer.last(limit, since: request.since).map(Debug_Record.init))
        }
        try await context.overview.untilDraining {
            let (last, next) = buffer.follow(limit, since: request.since)
            try await replies.write(contentsOf: last.map(Debug_Record.init))
            for await entry in next { try await replies.write(Debug_Record(entry)) }
        }
    }

    func trace(_ request: Debug_TraceRequest, context: RequestContext) async throws -> Debug_TraceResponse {
        try rule.check(context)
        return .with { $0.spans = recorder?.spans(of: request.id) ?? [] }
    }

    /// The client keeps no replies, so there are none to tell of.
    func cache(_ request: Debug_CacheRequest, context: RequestContext) async throws -> Debug_CacheResponse {
        try rule.check(context)
        return Debug_CacheResponse()
    }
}

extension Debug_Record {
    init(_ entry: LogBuffer.Entry) {
        self.init()
        timestamp = entry.timestamp
        nanoseconds = entry.nanoseconds
        message = entry.message
        metadata = entry.metadata
    }
}
