#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Settings of the process.
enum Environment {
  /// The value of an environment variable; `nil` if it is not set or empty.
  static subscript(name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }

  /// Ends the process with one line on standard error.
  static func reject(_ name: String, value: String, expected: String) -> Never {
    let message = "\(name)=\(value): expected \(expected)\n"
    _ = message.withCString { write(2, $0, strlen($0)) }
    exit(2)
  }
}
