import Foundation
import Kernels

/// Updates of a parameter in place, in one pass over the memory of the parameter, its gradient and what is remembered of
/// it.
extension Tensor {
  /// Stochastic gradient descent as PyTorch has it: `d = g + decay p; m = momentum m + d;
  /// p -= rate (nesterov ? d + momentum m : m)`, or `p -= rate d` without a running sum m. A decoupled decay multiplies p by
  /// `1 - rate decay` instead.
  package mutating func updateBySGD(
    gradient: Tensor, sum: inout Tensor?, rate: Double, momentum: Double, decay: Double, nesterov: Bool,
    isDecoupled: Bool
  ) {
    requireShape(gradient, shape, of: "SGD", "a gradient")
    let gradient = gradient.contiguous()
    makeUnique()
    sum?.makeUnique()
    let (p, g, m) = (pointer, gradient.readPointer, sum?.pointer)
    let kernel = Kernels.table.optimizer.sgd
    ThreadPool.parallelRanges(count: count, grain: updateGrain) { range in
      let first = range.lowerBound
      kernel(
        p + first, g + first, m.map { $0 + first }, range.count, rate, momentum, decay, nesterov,
        isDecoupled)
    }
    withExtendedLifetime(gradient) {}
  }

  /// Adam and AdamW as PyTorch has them, at a parameter's n-th update: `p -= rate / (1 - beta1ⁿ) m /
  /// (sqrt(v / (1 - beta2ⁿ)) + epsilon)` with the running means m of gradients and v of their squares. The decay is added
  /// to the gradient, or, decoupled, multiplies p by `1 - rate decay`.
  package mutating func updateByAdam(
    gradient: Tensor, mean: inout Tensor, squares: inout Tensor, update n: Int, rate: Double, beta1: Double,
    beta2: Double, epsilon: Double, decay: Double, isDecoupled: Bool
  ) {
    requireShape(gradient, shape, of: "Adam", "a gradient")
    let (correction1, correction2) = (
      1 - Foundation.pow(beta1, Double(n)), 1 - Foundation.pow(beta2, Double(n))
    )
    let gradient = gradient.contiguous()
    makeUnique()
    mean.makeUnique()
    squares.makeUnique()
    let (p, g, m, v) = (pointer, gradient.readPointer, mean.pointer, squares.pointer)
    let kernel = Kernels.table.optimizer.adam
    ThreadPool.parallelRanges(count: count, grain: updateGrain) { range in
      let first = range.lowerBound
      kernel(
        p + first, g + first, m + first, v + first, range.count, rate, beta1, beta2, epsilon, decay,
        correction1, correction2, isDecoupled)
    }
    withExtendedLifetime(gradient) {}
  }

  /// Lion (Chen et al. 2023): `p -= rate (sign(beta1 m + (1 - beta1) g) + decay p); m = beta2 m + (1 - beta2) g`. The sign
  /// of zero is zero.
  package mutating func updateByLion(
    gradient: Tensor, momentum: inout Tensor, rate: Double, beta1: Double, beta2: Double, decay: Double
  ) {
    requireShape(gradient, shape, of: "Lion", "a gradient")
    let gradient = gradient.contiguous()
    makeUnique()
    momentum.makeUnique()
    let (p, g, m) = (pointer, gradient.readPointer, momentum.pointer)
    let kernel = Kernels.table.optimizer.lion
    ThreadPool.parallelRanges(count: count, grain: updateGrain) { range in
      let first = range.lowerBound
      kernel(p + first, g + first, m + first, range.count, rate, beta1, beta2, decay)
    }
    withExtendedLifetime(gradient) {}
  }

  /// One step of a running average of tensors of this shape: moves by `share` of the way to another one.
  package mutating func average(with other: Tensor, share: Double) {
    requireShape(other, shape, of: "average", "a tensor")
    let other = other.contiguous()
    makeUnique()
    let (a, p) = (pointer, other.readPointer)
    let kernel = Kernels.table.optimizer.average
    ThreadPool.parallelRanges(count: count, grain: updateGrain) { range in
      kernel(a + range.lowerBound, p + range.lowerBound, range.count, share)
    }
    withExtendedLifetime(other) {}
  }

  /// Sum of all squares in double precision.
  package func sumOfSquaresInDouble() -> Double {
    withUnsafeScalars { scalars in
      let (x, kernel) = (scalars.baseAddress!, Kernels.table.optimizer.sumOfSquares)
      return sumOverRanges(scalars.count) { kernel(x + $0.lowerBound, $0.count) }
    }
  }

  /// Sum of all squares of the differences from a tensor of this shape, in double precision; takes no memory of their size.
  package func sumOfSquaredDifferencesInDouble(from other: Tensor) -> Double {
    requireShape(other, shape, of: "sumOfSquaredDifferences", "a tensor")
    let (subtract, sumOfSquares) = (Kernels.table.elementwise.binary, Kernels.table.optimizer.sumOfSquares)
    let size = 2048
    return withUnsafeScalars { scalars in
      other.withUnsafeScalars { others in
        let (x, y) = (scalars.baseAddress!, others.baseAddress!)
        return sumOverRanges(scalars.count) { range in
          withUnsafeTemporaryAllocation(of: Float.self, capacity: size) { differences in
            let out = differences.baseAddress!
            return Swift.stride(from: range.lowerBound, to: range.upperBound, by: size).reduce(0) {
              sum, start in
              let count = Swift.min(size, range.upperBound - start)
              subtract(BinaryOperation.subtract.rawValue, x + start, 1, y + start, 1, out, count)
              return sum + sumOfSquares(out, count)
            }
          }
        }
      }
    }
  }
}

/// What a function gives for each range of numbers, added in order: the same for any number of threads.
func sumOverRanges(_ count: Int, grain: Int = updateGrain, _ sum: (Range<Int>) -> Double) -> Double {
  withUnsafeTemporaryAllocation(of: Double.self, capacity: (count + grain - 1) / grain) { sums in
    ThreadPool.parallelRanges(count: count, grain: grain) { range in
      sums[range.lowerBound / grain] = sum(range)
    }
    return sums.reduce(0, +)
  }
}

/// Elements that one thread updates at a time.
let updateGrain = 64 * 1024
