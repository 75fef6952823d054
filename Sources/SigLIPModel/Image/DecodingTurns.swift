import Foundation

/// Lets threads decode large images one at a time, and small ones whenever they like.
package struct DecodingTurns {
  /// Images of more pixels wait for each other.
  package let largePixelCount: Int
  private let turn = NSLock()

  /// Turns for images of more than so many pixels.
  package init(largePixelCount: Int) { self.largePixelCount = largePixelCount }

  /// Decodes an image; `decode` says how many pixels it has before it takes memory for them. However it ends, the next
  /// one has its turn.
  package func take<Image>(
    _ decode: (_ willDecode: @escaping (Int) -> Void) throws -> Image
  ) rethrows -> Image {
    var hasTurn = false
    defer { if hasTurn { turn.unlock() } }
    return try decode { pixelCount in
      guard pixelCount > largePixelCount, !hasTurn else { return }
      turn.lock()
      hasTurn = true
    }
  }
}
