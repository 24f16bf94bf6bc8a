internal import Micro
internal import MicroCore
internal import MicroProtobuf
internal import SwiftProtobuf
internal import Synchronization

/// The endpoints `grpc.reflection`, by which tools learn what services there are, and call them.
///
/// They know the services of generated code. Version `v1alpha` differs from `v1` in its name alone, and many
/// tools still ask for it.
final class Reflection: ServiceComponent, Grpc_Reflection_V1_ServerReflection.Service {
    private let rule: CallerRule
    private let known = Mutex<DescriptorIndex?>(nil)

    init(rule: CallerRule) { self.rule = rule }

    func contribute(to contents: inout ServiceContents) {
        Grpc_Reflection_V1_ServerReflection.Endpoints(self).asInternal().contribute(to: &contents)
        contents.add(
            Endpoint("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo") {
                (
                    requests: MessageStream<Grpc_Reflection_V1_ServerReflectionRequest>,
                    replies: MessageWriter<Grpc_Reflection_V1_ServerReflectionResponse>,
                    context: RequestContext
                ) in
                try await self.serverReflectionInfo(requests, replies: replies, context: context)
            }.asInternal())
    }

    func serverReflectionInfo(
        _ requests: MessageStream<Grpc_Reflection_V1_ServerReflectionRequest>,
        replies: MessageWriter<Grpc_Reflection_V1_ServerReflectionResponse>, context: RequestContext
    ) async throws {
        try rule.check(context)
        let index = index(of: context.overview)
        try await context.overview.untilDraining {
            // Files that were sent already are not sent again along with others.
            var sent: Set<String> = []
            for try await request in requests {
                try await replies.write(
                    .with {
                        $0.validHost = request.host
                        $0.originalRequest = request
                        $0.messageResponse = index.answer(request, sent: &sent)
                    })
            }
        }
    }

    /// The definitions of the service, decoded when they are first asked for.
    private func index(of overview: ServiceOverview) -> DescriptorIndex {
        known.withLock { known in
            if let known { return known }
            let index = DescriptorIndex(overview.attachments(of: ProtobufService.self))
            known = index
            return index
        }
    }
}
