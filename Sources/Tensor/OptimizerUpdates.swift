import Foundation
import Kernels

/// Updates of a parameter in place, in one pass over the memory of the parameter, its gradient and what is remembered of
/// it.
extension Tensor {
  /// Stochastic gradient descent as PyTorch has it: `d = g + decay p; m = momentum m + d;
  /// p -= rate (nesterov ? d + momentum m : m)`, or `p -= rate d` without a running sum m.
  package mutating func updateBySGD(
    gradient: Tensor, sum: inout Tensor?, rate: Double, momentum: Double, decay: Double, nesterov: Bool
  ) {
    requireShape(gradient, shape, of: "SGD", "a gradient")
    let gradient = gradient.contiguous()
    makeUnique()
    sum?.makeUnique()
    let (p, g, m) = (pointer, gradient.readPointer, sum?.pointer)
    let kernel = Kernels.table.optimizer.sgd
    ThreadPool.parallelRanges(count: count, grain: updateGrain) { range in
      let first = range.lowerBound
      kernel(p + first, g + first, m.map { $0 + first }, range.count, rate, momentum, decay, nesterov)
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

  /// Sum of all squares in double precision.
  package func sumOfSquaresInDouble() -> Double {
    withUnsafeScalars { scalars in
      let (x, count) = (scalars.baseAddress!, scalars.count)
      let kernel = Kernels.table.optimizer.sumOfSquares
      // One sum for each range, added in order: the same for any number of threads.
      return withUnsafeTemporaryAllocation(
        of: Double.self, capacity: (count + updateGrain - 1) / updateGrain
      ) { sums in
        ThreadPool.parallelRanges(count: count, grain: updateGrain) { range in
          sums[range.lowerBound / updateGrain] = kernel(x + range.lowerBound, range.count)
        }
        return sums.reduce(0, +)
      }
    }
  }
}

/// Elements that one thread updates at a time.
let updateGrain = 64 * 1024
