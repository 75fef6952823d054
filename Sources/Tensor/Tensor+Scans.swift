import Kernels

/// Running results along an axis.
extension Tensor {
  /// Sums of the elements up to and including each one along an axis; `reverse` sums from each one to the end.
  public func cumulativeSum(axis: Int, reverse: Bool = false) -> Tensor {
    let axis = shape.axis(axis, of: "cumulativeSum")
    if reverse { return flip(axis: axis).cumulativeSum(axis: axis).flip(axis: axis) }
    let kernel = Kernels.table.reduction.cumulativeSum
    return scan(axis) { x, stride, out, _, size in kernel(x, stride, out, 1, size) }
  }

  /// Products of the elements up to and including each one along an axis, in double precision.
  public func cumulativeProduct(axis: Int) -> Tensor {
    scan(shape.axis(axis, of: "cumulativeProduct")) { x, stride, out, _, size in
      var product = 1.0
      for i in 0..<size {
        product *= Double(x[i * stride])
        out[i] = Float(product)
      }
    }
  }

  /// The largest of the elements up to and including each one along an axis, and its position: the last one of equal
  /// elements. From a NaN on it is NaN.
  public func cumulativeMax(axis: Int) -> (values: Tensor, indices: IndexTensor) {
    cumulativeExtreme(shape.axis(axis, of: "cumulativeMax"), >=)
  }

  /// The smallest of the elements up to and including each one along an axis, and its position: the last one of equal
  /// elements. From a NaN on it is NaN.
  public func cumulativeMin(axis: Int) -> (values: Tensor, indices: IndexTensor) {
    cumulativeExtreme(shape.axis(axis, of: "cumulativeMin"), <=)
  }

  /// The gradient of what ``cumulativeProduct(axis:)`` was given, exact where an element is 0: nothing is divided.
  ///
  /// That of element i is the product before it times Σₖ gₖ Πⱼ xⱼ, over k ≥ i and i < j ≤ k; from the end on the sum is
  /// gᵢ and the next element times the next sum.
  package func cumulativeProductDerivative(_ gradient: Tensor, axis: Int) -> Tensor {
    let slopes = gradient.transpose(axis, -1).contiguous()
    let g = slopes.readPointer
    let result = scan(axis) { x, stride, out, line, size in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: size) { before in
        var product = 1.0
        for i in 0..<size {
          before[i] = product
          product *= Double(x[i * stride])
        }
        var sum = 0.0
        for i in (0..<size).reversed() {
          sum = Double(g[line * size + i]) + (i + 1 < size ? Double(x[(i + 1) * stride]) * sum : 0)
          out[i] = Float(before[i] * sum)
        }
      }
    }
    withExtendedLifetime(slopes.storage) {}
    return result
  }

  private func cumulativeExtreme(
    _ axis: Int, _ isAtLeast: (Float, Float) -> Bool
  ) -> (values: Tensor, indices: IndexTensor) {
    var values = self
    let positions = [Int32](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = count
      values = scan(axis) { x, stride, out, line, size in
        var last = 0
        for i in 0..<size {
          let (value, extreme) = (x[i * stride], x[last * stride])
          // Nothing is at least a NaN, which so stays.
          if value.isNaN || isAtLeast(value, extreme) { last = i }
          out[i] = x[last * stride]
          buffer[line * size + i] = Int32(last)
        }
      }
    }
    var lines = shape
    lines.swapAt(axis, rank - 1)
    return (values, IndexTensor(positions, shape: lines).transpose(axis, -1))
  }

  /// Every line along an axis as `body` makes it, on all threads: given its address, its stride, where the result goes, its
  /// number and its size.
  private func scan(
    _ axis: Int, _ body: (UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, Int) -> Void
  ) -> Tensor {
    // Lines that lie across the memory are copied by tiles first: walking them would use one number of a cache line.
    let from = transpose(axis, -1).withReadableRows
    let result = Tensor(uninitialized: from.shape)
    if count == 0 { return result.transpose(axis, -1) }
    let size = shape[axis]
    let (x, out) = (from.readPointer, result.pointer)
    let outer = Shape(from.shape[..<(rank - 1)])
    let grain = Swift.max(1, StridedIteration.grain / size)
    ThreadPool.parallelRanges(count: outer.elementCount, grain: grain) { lines in
      for line in lines {
        body(
          x + outer.offset(of: line, strides: from.strides), from.strides[rank - 1], out + line * size, line,
          size)
      }
    }
    withExtendedLifetime(from.storage) {}
    return result.transpose(axis, -1)
  }
}
