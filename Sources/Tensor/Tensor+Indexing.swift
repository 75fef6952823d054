import Kernels

/// Reading and adding at positions given by integers. A negative or too large integer stops the program.
extension Tensor {
  /// Slices along an axis, in the order of `indices`, whose axes take the place of `axis`.
  public func take(_ indices: IndexTensor, axis: Int = 0) -> Tensor {
    let parts = AxisParts(shape, axis, of: "take")
    indices.check(below: parts.size, of: "take", shape: shape)
    let source = contiguous()
    let result = Tensor(uninitialized: parts.shape(with: indices.shape))
    let (x, out) = (UnsafePointer(source.pointer), result.pointer)
    let copy = Kernels.table.elementwise.copy
    indices.values.withUnsafeBufferPointer { positions in
      let grain = Swift.max(1, StridedIteration.grain / Swift.max(1, parts.inner))
      ThreadPool.parallelRanges(count: parts.outer * positions.count, grain: grain) { rows in
        for row in rows {
          let (outer, i) = row.quotientAndRemainder(dividingBy: positions.count)
          let from = x + (outer * parts.size + Int(positions[i])) * parts.inner
          if parts.inner == 1 {
            out[row] = from.pointee
          } else {
            copy(from, 1, out + row * parts.inner, 1, parts.inner)
          }
        }
      }
    }
    withExtendedLifetime(source.storage) {}
    return result
  }

  /// Elements picked along an axis, one position for each element of the result, which has the shape of `indices`
  /// (PyTorch's `gather`); outside the axis the shapes agree.
  public func takeAlong(_ indices: IndexTensor, axis: Int) -> Tensor {
    let parts = AxisParts(shape, axis, of: "takeAlong")
    parts.check(indices, of: "takeAlong")
    let source = contiguous()
    let result = Tensor(uninitialized: indices.shape)
    let (x, out, inner) = (UnsafePointer(source.pointer), result.pointer, parts.inner)
    let block = indices.shape[parts.axis] * inner
    indices.values.withUnsafeBufferPointer { positions in
      ThreadPool.parallelRanges(count: positions.count, grain: StridedIteration.grain) { range in
        for i in range {
          out[i] = x[(i / block * parts.size + Int(positions[i])) * inner + i % inner]
        }
      }
    }
    withExtendedLifetime(source.storage) {}
    return result
  }

  /// Self with `updates` added to the slices that ``take(_:axis:)`` would read; repeated positions add up in order.
  public func scatterAdd(_ updates: Tensor, at indices: IndexTensor, axis: Int = 0) -> Tensor {
    var result = self
    result.addScattered(updates, at: indices, axis: axis)
    return result
  }

  /// ``scatterAdd(_:at:axis:)`` in place where nobody else sees self.
  package mutating func addScattered(_ updates: Tensor, at indices: IndexTensor, axis: Int = 0) {
    let parts = AxisParts(shape, axis, of: "scatterAdd")
    indices.check(below: parts.size, of: "scatterAdd", shape: shape)
    if updates.shape != parts.shape(with: indices.shape) {
      programmerError(
        "scatterAdd: updates of shape \(updates.shape) at indices of shape \(indices.shape) do not fit axis "
          + "\(parts.axis) of shape \(shape)")
    }
    makeUnique()
    let source = updates.contiguous()
    let (x, out, inner) = (UnsafePointer(source.pointer), pointer, parts.inner)
    let add = Kernels.table.elementwise.addScaled
    // Each task owns some columns of one outer position, so every sum is made by one thread and in one order.
    let width = 128
    let blocks = (inner + width - 1) / width
    indices.values.withUnsafeBufferPointer { positions in
      let grain = Swift.max(
        1, StridedIteration.grain / Swift.max(1, positions.count * Swift.min(inner, width)))
      ThreadPool.parallelRanges(count: parts.outer * blocks, grain: grain) { tasks in
        for task in tasks {
          let (outer, block) = task.quotientAndRemainder(dividingBy: blocks)
          let first = block * width
          let columns = Swift.min(width, inner - first)
          for i in 0..<positions.count {
            let from = x + (outer * positions.count + i) * inner + first
            add(1, from, out + (outer * parts.size + Int(positions[i])) * inner + first, columns)
          }
        }
      }
    }
    withExtendedLifetime((source.storage, storage)) {}
  }

  /// Self with `updates` added to the elements that ``takeAlong(_:axis:)`` would read; repeated positions add up in
  /// order (PyTorch's `scatter_add`).
  public func scatterAddAlong(_ updates: Tensor, at indices: IndexTensor, axis: Int) -> Tensor {
    var result = self
    result.addScatteredAlong(updates, at: indices, axis: axis)
    return result
  }

  /// ``scatterAddAlong(_:at:axis:)`` in place where nobody else sees self.
  package mutating func addScatteredAlong(_ updates: Tensor, at indices: IndexTensor, axis: Int) {
    let parts = AxisParts(shape, axis, of: "scatterAddAlong")
    parts.check(indices, of: "scatterAddAlong")
    if updates.shape != indices.shape {
      programmerError(
        "scatterAddAlong: updates of shape \(updates.shape) at indices of shape \(indices.shape)")
    }
    makeUnique()
    let source = updates.contiguous()
    let (x, out, inner) = (UnsafePointer(source.pointer), pointer, parts.inner)
    let block = indices.shape[parts.axis] * inner
    indices.values.withUnsafeBufferPointer { positions in
      // One outer position is one task: its sums are made by one thread and in one order.
      let grain = Swift.max(1, StridedIteration.grain / Swift.max(1, block))
      ThreadPool.parallelRanges(count: parts.outer, grain: grain) { outers in
        for outer in outers {
          for i in outer * block..<(outer + 1) * block {
            out[(outer * parts.size + Int(positions[i])) * inner + i % inner] += x[i]
          }
        }
      }
    }
    withExtendedLifetime((source.storage, storage)) {}
  }

  /// A new last axis of `count` zeros with a 1 at each index.
  public static func oneHot(_ indices: IndexTensor, count: Int) -> Tensor {
    if count < 0 { programmerError("oneHot: a count of \(count)") }
    indices.check(below: count, of: "oneHot", shape: [count])
    let result = Tensor.zeros(indices.shape + [count])
    for (i, index) in indices.values.enumerated() { result.pointer[i * count + Int(index)] = 1 }
    return result
  }
}

/// A contiguous tensor seen as (outer, size, inner) around one of its axes.
private struct AxisParts {
  let shape: Shape
  let axis: Int
  let outer: Int
  let size: Int
  let inner: Int

  init(_ shape: Shape, _ axis: Int, of operation: StaticString) {
    self.shape = shape
    self.axis = shape.axis(axis, of: operation)
    outer = Shape(shape[..<self.axis]).elementCount
    size = shape[self.axis]
    inner = Shape(shape[(self.axis + 1)...]).elementCount
  }

  /// The shape with `sizes` in place of the axis.
  func shape(with sizes: Shape) -> Shape { Shape(shape[..<axis]) + sizes + Shape(shape[(axis + 1)...]) }

  /// Traps unless `indices` agrees with the shape outside the axis and names positions along it.
  func check(_ indices: IndexTensor, of operation: StaticString) {
    var expected = shape
    if indices.shape.count == shape.count { expected[axis] = indices.shape[axis] }
    if indices.shape != expected {
      programmerError(
        "\(operation): indices of shape \(indices.shape) do not fit axis \(axis) of shape \(shape)")
    }
    indices.check(below: size, of: operation, shape: shape)
  }
}

extension IndexTensor {
  /// Traps unless every integer is in `0..<bound`.
  func check(below bound: Int, of operation: StaticString, shape: Shape) {
    values.withUnsafeBufferPointer { values in
      for index in values where index < 0 || Int(index) >= bound {
        programmerError("\(operation): index \(index) is outside an axis of \(bound) in shape \(shape)")
      }
    }
  }
}
