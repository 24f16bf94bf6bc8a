/// A parser of bytes from outside, and what to begin with.
///
/// To add one, write a file in `Targets/` with an extension like the others', and name it in the list at the top of
/// `main.swift`.
struct FuzzTarget: Sendable {
    /// The name on the command line.
    var name: String

    /// Good inputs, from which libFuzzer makes others.
    var seeds: @Sendable () -> [[UInt8]]

    /// Takes an input.
    ///
    /// It must return for any: a trap, a sanitizer's report or a few seconds' time is a finding.
    var run: @Sendable ([UInt8]) -> Void
}

/// Stops the program if something that must hold doesn't.
func check(_ condition: Bool, _ what: String, line: Int = #line) {
    if !condition { fatalError("\(what), line \(line)") }
}
