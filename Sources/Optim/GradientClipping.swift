import Kernels

extension Optimizer {
  /// Scales all gradients by one factor so that their common length is at most `maximum`, as optax's
  /// `clip_by_global_norm`. Frozen parameters do not count.
  ///
  /// - Returns: The length before; not finite if a gradient is not.
  @discardableResult
  public func clipGlobalNorm(_ gradients: inout Gradients, to maximum: Float) -> Float {
    let norm = globalNorm(of: gradients)
    if norm > maximum { gradients.scale(by: maximum / norm) }
    return norm
  }

  /// Square root of the sum of squares of the gradients of all parameters that are not frozen.
  public func globalNorm(of gradients: Gradients) -> Float {
    var sum = 0.0
    for entry in parameters.all where !entry.parameter.isFrozen {
      guard let gradient = gradients[entry.parameter] else { continue }
      sum += gradient.withUnsafeScalars(sumOfSquares)
    }
    return Float(sum.squareRoot())
  }
}

/// Elements that one thread updates at a time.
let updateGrain = 64 * 1024

private func sumOfSquares(_ scalars: UnsafeBufferPointer<Float>) -> Double {
  guard let start = scalars.baseAddress else { return 0 }
  let count = (scalars.count + updateGrain - 1) / updateGrain
  // One sum for each range, added in order: the same for any number of threads.
  return withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { sums in
    ThreadPool.parallelRanges(count: scalars.count, grain: updateGrain) { range in
      sums[range.lowerBound / updateGrain] =
        Kernels.table.optimizer.sumOfSquares(start + range.lowerBound, range.count)
    }
    return sums.reduce(0, +)
  }
}
