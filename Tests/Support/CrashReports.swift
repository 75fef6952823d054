import Foundation

/// Has the process look for the caller's line when it stops: exit tests are started with `SWIFT_BACKTRACE=enable=no`.
public func enableBacktraces() { setenv("SWIFT_BACKTRACE", "enable=yes", 1) }
