import Kernels

/// Parts of a tensor by indices in brackets; see ``TensorIndex`` for what may stand there.
///
/// A part is assigned a value that broadcasts to it. Where an element is picked twice the later value stays. The memory
/// is written in place unless another tensor refers to it.
extension Tensor {
  /// A part: `x[0, 1..<3]`, `x[.ellipsis, -1]`, `x[x .> 0]`, `x[labels]`.
  public subscript(indices: any TensorIndex...) -> Tensor {
    get { part(shape.part(indices)) }
    set { assign(newValue, to: shape.part(indices)) }
  }

  /// One entry of the first axis; -1 is the last.
  public subscript(index: Int) -> Tensor {
    get { select(index, axis: 0) }
    set { assign(newValue, to: shape.part([index])) }
  }

  /// A range of the first axis, such as `2..<5`, `..<3` or, counted from the end, `(-3)...`.
  public subscript(range: some AxisRange) -> Tensor {
    get { slice(range, axis: 0) }
    set { assign(newValue, to: shape.part([range])) }
  }

  /// Self with `updates`, which broadcast to them, in place of the elements that `self[indices[0], indices[1], ...]` picks
  /// along the first axes, or with `accumulate` added to them (PyTorch's `index_put`). Of several updates of one element
  /// the last one stays.
  public func indexPut(_ updates: Tensor, at indices: [IndexTensor], accumulate: Bool = false) -> Tensor {
    let part = shape.part(indices)
    var result = self
    if accumulate {
      result.add(updates.broadcast(to: part, of: "indexPut"), to: part)
    } else {
      result.assign(updates, to: part)
    }
    return result
  }

  /// Positions of the elements that are not 0, in row-major order: `[count, rank]`.
  public func nonzero() -> IndexTensor {
    let positions = nonzeroPositions()
    let count = positions.first?.count ?? scalars.count { $0 != 0 }
    return IndexTensor(positions.flatMap(\.self), shape: [rank, count]).transpose(0, 1)
  }

  /// The same, axis by axis.
  func nonzeroPositions() -> [[Int32]] {
    let places = withUnsafeScalars { x in x.indices.filter { x[$0] != 0 } }
    let strides = shape.contiguousStrides
    return shape.indices.map { axis in places.map { Int32($0 / strides[axis] % shape[axis]) } }
  }
}

// MARK: - Machinery

extension Tensor {
  /// The elements of a part of this shape: a view unless they are picked.
  package func part(_ part: IndexedPart) -> Tensor {
    if part.isView { return Tensor(storage: storage, layout: part.layout(of: layout)) }
    if isContiguous, let (axis, indices) = part.onlyPick { return take(indices, axis: axis) }
    let result = Tensor(uninitialized: part.shape)
    let runs = part.runs(in: layout)
    let (x, out, copy) = (UnsafePointer(storage.pointer), result.pointer, Kernels.table.elementwise.copy)
    let grain = Swift.max(1, StridedIteration.grain / Swift.max(1, runs.length))
    ThreadPool.parallelRanges(count: runs.count, grain: grain) { range in
      for run in range {
        let (from, to) = (x + runs.offset(of: run), out + run * runs.length)
        if runs.length == 1 { to.pointee = from.pointee } else { copy(from, runs.stride, to, 1, runs.length) }
      }
    }
    withExtendedLifetime(storage) {}
    return result
  }

  /// Puts a value in the place of a part of this shape.
  package mutating func assign(_ value: Tensor, to part: IndexedPart) {
    let value = value.broadcast(to: part, of: "subscript")
    makeUnique()
    if part.isView {
      return Tensor(storage: storage, layout: part.layout(of: layout)).overwrite(with: value)
    }
    let copy = Kernels.table.elementwise.copy
    forEachRun(of: part, value) { from, to, stride, length in
      if length == 1 { to.pointee = from.pointee } else { copy(from, 1, to, stride, length) }
    }
  }

  /// Adds to a part of this shape a value of its shape; what is picked twice gets both.
  package mutating func add(_ value: Tensor, to part: IndexedPart) {
    if let (axis, indices) = part.onlyPick { return addScattered(value, at: indices, axis: axis) }
    makeUnique()
    forEachRun(of: part, value) { from, to, stride, length in
      for i in 0..<length { to[i * stride] += from[i] }
    }
  }

  /// Zeros of the whole with self added to the part.
  package func placed(in part: IndexedPart) -> Tensor {
    var result = Tensor.zeros(part.whole)
    if part.isView { result.assign(self, to: part) } else { result.add(self, to: part) }
    return result
  }

  /// Calls `body` with the runs of a value and where they belong in a part, one after another.
  private func forEachRun(
    of part: IndexedPart, _ value: Tensor,
    _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int, Int) -> Void
  ) {
    let (runs, source) = (part.runs(in: layout), value.contiguous())
    let (x, out) = (UnsafePointer(source.pointer), storage.pointer)
    for run in 0..<runs.count {
      body(x + run * runs.length, out + runs.offset(of: run), runs.stride, runs.length)
    }
    withExtendedLifetime((source.storage, storage)) {}
  }

  private func broadcast(to part: IndexedPart, of operation: StaticString) -> Tensor {
    if shape.broadcast(with: part.shape) != part.shape {
      programmerError(
        "\(operation): a value of shape \(shape) does not broadcast to a part of shape \(part.shape)")
    }
    return expand(to: part.shape)
  }
}
