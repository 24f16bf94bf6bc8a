// A program on the core, the plugin kit and go-micro's formats alone, for `make linkage` to look at what it links.
import MicroCore
import MicroPluginKit
import MicroWire

struct ProbeFailure: Error {
    var reason: String
}

let node = Node(id: "probe-1", address: "127.0.0.1:1")
let record = ServiceRecord(name: "probe", nodes: [node])
guard try ServiceRecord(json: record.json()) == record else {
    throw ProbeFailure(reason: "A record is not read as it was written.")
}
let directory = RegistryDirectory(isSynced: true)
directory.insert(record)
guard directory.lookup("probe") == [record] else {
    throw ProbeFailure(reason: "A directory does not return what was put in.")
}
guard Plugins.linked.all.isEmpty else {
    throw ProbeFailure(reason: "A program on core and kit alone has plugins.")
}
