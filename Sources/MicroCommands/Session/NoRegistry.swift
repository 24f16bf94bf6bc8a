internal import MicroCore
internal import MicroPluginKit

/// A registry for calls that have an address: nothing is in it, and it costs nothing.
struct NoRegistry: Registry {
    let name = "none"

    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {}

    func deregister(_ record: ServiceRecord) async throws {}

    func lookup(_ service: String) async throws -> [ServiceRecord] { [] }

    func services() async throws -> [String] { [] }

    func watch(_ service: String?) -> RegistryChanges { RegistryDirectory(isSynced: true).watch(service) }
}
