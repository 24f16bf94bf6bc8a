// A program on the core and go-micro's formats alone, for `make linkage` to look at what it links.
import MicroCore
import MicroWire

struct ProbeFailure: Error {
    var reason: String
}

let node = Node(id: "probe-1", address: "127.0.0.1:1")
let record = ServiceRecord(name: "probe", nodes: [node])
guard try ServiceRecord(json: record.json()) == record else {
    throw ProbeFailure(reason: "A record is not read as it was written.")
}
guard Plugins.linked.all.isEmpty else {
    throw ProbeFailure(reason: "A program on the core alone has plugins.")
}
