// A command is written with these, so a module that brings one needs no other import.
@_exported public import ArgumentParser
@_exported public import Micro
@_exported public import MicroCore
