import Glibc
import KernelInterface
import KernelsBaseline

// Calls every kernel of the table on numbers that are the same on every machine and prints what comes out, bit by bit.
// `.ci/neon` builds this for x86 and for arm64 and compares. Embedded Swift, which needs no system underneath.

@main
struct KernelOutputs {
  static func main() {
    elementwiseOutputs()
    reductionOutputs()
    momentOutputs()
    rowOutputs()
    gemmOutputs()
    convolutionOutputs()
    blockedOutputs()
    poolingOutputs()
    optimizerOutputs()
    lossOutputs()
    conversionOutputs()
  }
}

/// Less than a vector, a whole one, and more than two.
let sizes = [1, 7, 16, 37]

/// A kind of number that can be printed.
protocol Word {
  /// What its kind is called in the output.
  static var letter: StaticString { get }
  /// Stands behind the end of every result, where no kernel may write.
  static var guardian: Self { get }
  var bits: UInt64 { get }
}

extension Float: Word {
  static var letter: StaticString { "f" }
  static var guardian: Float { 77 }
  var bits: UInt64 { UInt64(bitPattern) }
}

extension Double: Word {
  static var letter: StaticString { "d" }
  static var guardian: Double { 77 }
  var bits: UInt64 { bitPattern }
}

extension Int32: Word {
  static var letter: StaticString { "i" }
  static var guardian: Int32 { 77 }
  var bits: UInt64 { UInt64(UInt32(bitPattern: self)) }
}

extension UInt16: Word {
  static var letter: StaticString { "i" }
  static var guardian: UInt16 { 77 }
  var bits: UInt64 { UInt64(self) }
}

extension Int: Word {
  static var letter: StaticString { "i" }
  static var guardian: Int { 77 }
  var bits: UInt64 { UInt64(bitPattern: Int64(self)) }
}

/// Numbers that stay until the program ends, guarded behind their end.
struct Memory<Element: Word> {
  let start: UnsafeMutablePointer<Element>
  let count: Int

  private static var guardians: Int { 16 }

  init(_ count: Int) {
    self.init(count) { _ in .guardian }
  }

  init(_ count: Int, _ element: (Int) -> Element) {
    start = .allocate(capacity: count + Self.guardians)
    self.count = count
    for i in 0..<count { (start + i).initialize(to: element(i)) }
    for i in count..<count + Self.guardians { (start + i).initialize(to: .guardian) }
  }

  init(_ elements: [Element]) {
    self.init(elements.count) { elements[$0] }
  }

  var copy: Memory { Memory(count) { start[$0] } }

  var isIntact: Bool {
    for i in count..<count + Self.guardians where start[i].bits != Element.guardian.bits { return false }
    return true
  }
}

typealias Floats = Memory<Float>

/// Numbers spread evenly over a range; every `seed` gives others.
func numbers(_ count: Int, _ range: ClosedRange<Float> = -3...3, seed: UInt32) -> Floats {
  var state = seed &* 2_654_435_761 &+ 1
  return Floats(count) { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return range.lowerBound + (range.upperBound - range.lowerBound) * (Float(state >> 8) * 0x1p-24)
  }
}

/// Where formats and formulas end.
let specialNumbers: [Float] = [
  0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -0x1p-133, .leastNormalMagnitude, 1e38, -1e38,
  88.5, -87.5, -103, 0.5, -1.5,
  2.5, 6, 8_388_609, -1e6, 1e-8,
]

/// Prints a line: the kernel, how far its results may be from another machine's, what they are, and the results.
///
/// The distance is in units of 2^-23 of the largest result, or of each result by itself; 0 asks for the same bits.
func report<Element: Word>(
  _ kernel: StaticString, _ arguments: [Int], within distance: Int = 0, ofEach: Bool = false,
  _ result: Memory<Element>
) {
  write(kernel)
  write(" ")
  write(UInt64(distance))
  write(ofEach ? " each " : " largest ")
  write(Element.letter)
  write(result.isIntact ? " intact (" : " overrun (")
  for argument in arguments {
    write(argument.bits)
    write(",")
  }
  write(")")
  for i in 0..<result.count {
    write(" ")
    write(result.start[i].bits)
  }
  write("\n")
}

private func write(_ text: StaticString) {
  for i in 0..<text.utf8CodeUnitCount { _ = putchar(Int32(text.utf8Start[i])) }
}

/// In hexadecimal digits.
private func write(_ word: UInt64) {
  var shift = 60
  while shift > 0 && word >> shift == 0 { shift -= 4 }
  while shift >= 0 {
    let digit = Int32(word >> shift & 15)
    _ = putchar(digit < 10 ? 48 + digit : 87 + digit)
    shift -= 4
  }
}
