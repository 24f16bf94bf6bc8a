import CLibFuzzer

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// fuzz                       lists the targets
// fuzz NAME CORPUS [flag…]   runs one with libFuzzer's flags; its seeds are written to the folder CORPUS first
// fuzz NAME FILE             runs one with the bytes of a file: a crash that was found

let targets: [FuzzTarget] = [
    .http2Server, .http2Client, .grpc, .mdns, .metadata, .json, .nats, .etcd, .events,
]

/// The target of this process: libFuzzer takes a function, which can't hold it.
nonisolated(unsafe) var chosen = targets[0]

func write(_ bytes: [UInt8], to path: String) {
    guard let file = fopen(path, "w") else { return print("fuzz: can't write \(path)") }
    _ = fwrite(bytes, 1, bytes.count, file)
    fclose(file)
}

let arguments = CommandLine.arguments
guard arguments.count > 2, let target = targets.first(where: { $0.name == arguments[1] }) else {
    for target in targets { print(target.name) }
    exit(arguments.count > 1 ? 64 : 0)
}
chosen = target

var status = stat()
if stat(arguments[2], &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
    for (index, seed) in target.seeds().enumerated() { write(seed, to: "\(arguments[2])/seed-\(index)") }
}

var count = CInt(arguments.count - 1)
var vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = .allocate(capacity: arguments.count)
for (index, argument) in ([arguments[0]] + arguments[2...]).enumerated() { vector?[index] = strdup(argument) }
vector?[Int(count)] = nil
exit(LLVMFuzzerRunDriver(&count, &vector, testOneInput))

/// The function that libFuzzer's own `main`, which is linked and not run, wants to have.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    // The bytes are valid during the call: a target gets a copy.
    chosen.run(Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
}
