#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif
#if os(Linux) && canImport(Runtime)
  internal import Runtime
#endif

/// Stops the program with a sentence that names the operation, what it was given and what it needs, and with the line of
/// the calling program that led here.
///
/// For mistakes in the calling program only: bad data from outside throws.
@inline(never)
package func programmerError(_ message: String) -> Never {
  #if os(Linux)
    // The sentence goes first: whatever happens while the caller is looked for cannot take it away.
    say("Fatal error: \(message)")
    if let caller = Caller.description { say(", at \(caller)") }
    say("\n")
    abort()
  #else
    // The system's report of the crash holds the sentence and the calls that led here.
    fatalError(message)
  #endif
}

#if os(Linux)
  private func say(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let written = write(STDERR_FILENO, rest.baseAddress, rest.count)
        if written <= 0 { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }
  }
#endif

/// Where the calling program entered this package: found in the stack when the program stops, so that it costs nothing
/// until then.
package enum Caller {
  /// Folder, file and line; nil in a program without debug information, and with `SWIFT_BACKTRACE=enable=no`, by which
  /// Swift's own reports of crashes go too: looking takes a large program half a second.
  static var description: String? {
    #if os(Linux) && canImport(Runtime)
      if let wish = getenv("SWIFT_BACKTRACE"), String(cString: wish).contains("enable=no") { return nil }
      guard let trace = try? Backtrace.capture().symbolicated() else { return nil }
      let locations = trace.frames.compactMap { $0.symbol?.sourceLocation }
      return line(in: locations.filter { $0.line > 0 }.map { ($0.path, $0.line) })
    #else
      return nil
    #endif
  }

  /// The innermost line outside of this package's sources, which are the folder that holds this file's.
  package static func line(in lines: [(path: String, line: Int)]) -> String? {
    guard let own = lines.first(where: { $0.path.hasSuffix("/Tensor/ProgrammerError.swift") }) else {
      return nil
    }
    let sources = own.path.dropLast("Tensor/ProgrammerError.swift".count)
    // Release builds name some files by the path from the package's folder, as they do the caller's in its own.
    let modules = ["Kernels", "Tensor", "Autograd", "NN", "Optim", "Training", "SigLIPModel"]
    let folders = modules.map { "Sources/\($0)/" }
    // What macros and the compiler write stands in no file that the reader has.
    let caller = lines.first { line in
      !line.path.hasPrefix(sources) && !folders.contains { line.path.hasPrefix($0) }
        && !line.path.contains("/swift-generated-sources/") && !line.path.hasSuffix("<compiler-generated>")
    }
    return caller.map { "\($0.path.split(separator: "/").suffix(2).joined(separator: "/")):\($0.line)" }
  }
}
