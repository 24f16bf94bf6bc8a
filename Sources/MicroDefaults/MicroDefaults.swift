// What a newcomer links and imports: the engine, for Codable types and for Protobuf messages, and the
// core's values. The default plugins are linked by this target's dependencies, without an import.
@_exported public import Micro
@_exported public import MicroCore
@_exported public import MicroProtobuf
