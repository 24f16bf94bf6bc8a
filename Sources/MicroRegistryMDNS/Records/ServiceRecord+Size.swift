internal import MicroCore

extension ServiceRecord {
    /// About how many bytes of memory the record takes, to bound what strangers make us keep.
    var approximateSize: Int {
        let names = name.utf8.count + version.utf8.count
        let parts = nodes.reduce(0) { $0 + $1.approximateSize }
        return 256 + names + parts + (endpoints ?? []).reduce(0) { $0 + $1.approximateSize }
    }
}

extension Node {
    fileprivate var approximateSize: Int { 96 + id.utf8.count + address.utf8.count + size(of: metadata) }
}

extension EndpointRecord {
    fileprivate var approximateSize: Int {
        let values = [request, response].compactMap(\.self)
        return 192 + name.utf8.count + size(of: metadata) + values.reduce(0) { $0 + $1.approximateSize }
    }
}

extension ValueRecord {
    fileprivate var approximateSize: Int {
        64 + name.utf8.count + type.utf8.count + (values ?? []).reduce(0) { $0 + $1.approximateSize }
    }
}

private func size(of map: [String: String]?) -> Int {
    (map ?? [:]).reduce(0) { $0 + 64 + $1.key.utf8.count + $1.value.utf8.count }
}
