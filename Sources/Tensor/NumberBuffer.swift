import Kernels

/// Numbers at one place of memory while messages go from it and come to it.
package final class NumberBuffer {
  /// How many there are.
  package let count: Int
  /// Of the pool of tensors' memory, so that the buffers of a step are those of the step before.
  private let storage: Storage
  private var pointer: UnsafeMutablePointer<Float> { storage.pointer }

  /// Room for numbers, which are none yet.
  package init(count: Int) {
    self.count = count
    storage = Storage([max(count, 1)])
  }

  /// Where some of them are.
  package func bytes(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      UnsafeMutableBufferPointer(start: pointer + range.lowerBound, count: range.count))
  }

  /// Takes the numbers of a tensor from a place on.
  package func copy(_ tensor: Tensor, to place: Int) { copy(0..<tensor.count, of: tensor, to: place) }

  /// Takes some of the numbers of a tensor, in row-major order, from a place on.
  package func copy(_ range: Range<Int>, of tensor: Tensor, to place: Int) {
    tensor.withUnsafeScalars { numbers in
      guard let base = numbers.baseAddress else { return }
      copyNumbers(base + range.lowerBound, to: pointer + place, count: range.count)
    }
  }

  /// Gives numbers to a tensor, from a place among its own on, in row-major order.
  package func copy(_ range: Range<Int>, to tensor: inout Tensor, at place: Int) {
    tensor.withUnsafeMutableScalars { numbers in
      guard let base = numbers.baseAddress else { return }
      copyNumbers(pointer + range.lowerBound, to: base + place, count: range.count)
    }
  }

  /// Sets some of them to 0.
  package func clear(_ range: Range<Int>) {
    (pointer + range.lowerBound).update(repeating: 0, count: range.count)
  }

  /// A tensor of the numbers from a place on, where they are: nothing may be written to the buffer from now on.
  package func tensor(at place: Int, shape: Shape) -> Tensor {
    Tensor(storage: storage, shape: shape, strides: shape.contiguousLayout.strides, offset: place)
  }

  /// Sets numbers of this buffer to those of another one.
  package func copy(_ range: Range<Int>, of other: NumberBuffer, to place: Int) {
    copyNumbers(other.pointer + range.lowerBound, to: pointer + place, count: range.count)
  }

  /// Adds numbers of another buffer, or of this one, to those from a place on.
  package func add(_ range: Range<Int>, of other: NumberBuffer, to place: Int) {
    let add = Kernels.table.elementwise.binary
    let (source, target) = (other.pointer + range.lowerBound, pointer + place)
    ThreadPool.parallelRanges(count: range.count, grain: 1 << 15) { part in
      let numbers = target + part.lowerBound
      add(BinaryOperation.add.rawValue, numbers, 1, source + part.lowerBound, 1, numbers, part.count)
    }
  }
}

/// On all threads: one alone does not fill the memory's bandwidth, nor make new memory fast.
private func copyNumbers(
  _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int
) {
  ThreadPool.parallelRanges(count: count, grain: 1 << 16) { range in
    (target + range.lowerBound).update(from: source + range.lowerBound, count: range.count)
  }
}
