// Generated code imports this module alone, and needs the engine and the core's values as well.
@_exported public import Micro
@_exported public import MicroCore
