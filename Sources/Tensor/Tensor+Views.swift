/// Views share storage with the tensor they are taken from and cost nothing.
extension Tensor {
  /// The same elements in another shape; one size may be -1. A view where the strides allow it, else a copy.
  public func reshape(_ shape: Shape) -> Tensor {
    let target = resolved(shape, of: "reshape")
    if let strides = viewStrides(for: target) {
      return Tensor(storage: storage, shape: target, strides: strides, offset: offset)
    }
    return contiguous().reshape(target)
  }

  /// The same elements in another shape, never copied; traps where the strides do not allow it.
  public func view(_ shape: Shape) -> Tensor {
    let target = resolved(shape, of: "view")
    guard let strides = viewStrides(for: target) else {
      programmerError(
        "view: shape \(self.shape) with strides \(self.strides) cannot be seen as \(target) without a copy")
    }
    return Tensor(storage: storage, shape: target, strides: strides, offset: offset)
  }

  private func resolved(_ shape: Shape, of operation: StaticString) -> Shape {
    var target = shape
    var unknown: Int?
    for (axis, size) in shape.enumerated() {
      if size == -1 && unknown == nil {
        unknown = axis
        target[axis] = 1
      } else if size < 0 {
        programmerError("\(operation): \(shape) has a negative size")
      }
    }
    if let unknown {
      let known = target.elementCount
      target[unknown] = known > 0 && count % known == 0 ? count / known : -1
    }
    if target.contains(-1) || target.elementCount != count {
      programmerError("\(operation): shape \(self.shape) of \(count) elements does not fit \(shape)")
    }
    return target
  }

  private func viewStrides(for target: Shape) -> Shape? {
    if isContiguous || count == 0 { return target.contiguousStrides }
    var result = target.contiguousStrides
    var axis = 0
    var position = 0
    while axis < rank {
      // The shortest runs of source and target axes that hold the same number of elements.
      var sourceEnd = axis + 1
      var sourceSize = shape[axis]
      var targetEnd = position
      var targetSize = 1
      while targetSize != sourceSize {
        if targetSize < sourceSize {
          targetSize *= target[targetEnd]
          targetEnd += 1
        } else {
          sourceSize *= shape[sourceEnd]
          sourceEnd += 1
        }
      }
      var last = -1
      for i in axis..<sourceEnd where shape[i] != 1 {
        if last >= 0 && strides[last] != shape[i] * strides[i] { return nil }
        last = i
      }
      var stride = last >= 0 ? strides[last] : 1
      for i in (position..<targetEnd).reversed() {
        result[i] = stride
        stride *= target[i]
      }
      axis = sourceEnd
      position = targetEnd
    }
    return result
  }

  /// Axes in another order: axis `i` of the result is axis `axes[i]` of self.
  public func permute(_ axes: [Int]) -> Tensor {
    var (sizes, steps) = (shape, strides)
    var named = 0
    for (position, axis) in axes.prefix(rank).enumerated() {
      let axis = shape.axis(axis, of: "permute")
      named |= 1 << axis
      sizes[position] = shape[axis]
      steps[position] = strides[axis]
    }
    if axes.count != rank || named != 1 << rank - 1 {
      programmerError("permute: \(axes) does not name every axis of shape \(shape) once")
    }
    return Tensor(storage: storage, shape: sizes, strides: steps, offset: offset)
  }

  /// Two axes exchanged: the last two unless said otherwise.
  public func transpose(_ a: Int = -2, _ b: Int = -1) -> Tensor {
    let a = shape.axis(a, of: "transpose")
    let b = shape.axis(b, of: "transpose")
    var layout = layout
    (layout.shape[unchecked: a], layout.shape[unchecked: b]) = (shape[unchecked: b], shape[unchecked: a])
    (layout.strides[unchecked: a], layout.strides[unchecked: b]) = (
      strides[unchecked: b], strides[unchecked: a]
    )
    return Tensor(storage: storage, layout: layout)
  }

  /// Axes of size 1 repeated, and new leading axes added, up to `shape`, without copying.
  public func expand(to shape: Shape) -> Tensor {
    if shape == self.shape { return self }
    guard self.shape.broadcast(with: shape) == shape, shape.allSatisfy({ $0 >= 0 }) else {
      programmerError("expand: shape \(self.shape) does not broadcast to \(shape)")
    }
    return Tensor(
      storage: storage, shape: shape, strides: StridedIteration.strides(of: self, broadcastTo: shape),
      offset: offset)
  }

  /// Removes an axis of size 1, or all of them.
  public func squeeze(_ axis: Int? = nil) -> Tensor {
    var layout = layout
    if let axis {
      let position = shape.axis(axis, of: "squeeze")
      if shape[position] != 1 { programmerError("squeeze: axis \(axis) of shape \(shape) is not 1") }
      layout.shape.remove(at: position)
      layout.strides.remove(at: position)
      return Tensor(storage: storage, layout: layout)
    }
    for i in (0..<rank).reversed() where shape[i] == 1 {
      layout.shape.remove(at: i)
      layout.strides.remove(at: i)
    }
    return Tensor(storage: storage, layout: layout)
  }

  /// Adds an axis of size 1 at `axis` of the result (-1: last).
  public func unsqueeze(_ axis: Int) -> Tensor {
    let position = shape.newAxis(axis, of: "unsqueeze")
    var layout = layout
    layout.insertAxis(at: position)
    return Tensor(storage: storage, layout: layout)
  }

  /// The axes from `start` to `end` (both included) as one.
  public func flatten(from start: Int = 0, to end: Int = -1) -> Tensor {
    if rank == 0 { return reshape([1]) }
    let start = shape.axis(start, of: "flatten")
    let end = shape.axis(end, of: "flatten")
    if start > end { programmerError("flatten: axis \(start) comes after axis \(end) in shape \(shape)") }
    var target = Shape(shape[..<start])
    target.append(Shape(shape[start...end]).elementCount)
    for size in shape[(end + 1)...] { target.append(size) }
    return reshape(target)
  }

  /// Every `step`-th element of `range` along an axis; bounds may count from the end; a negative step walks backwards
  /// from the last element of the range.
  public func slice(_ range: some AxisRange, axis: Int, step: Int = 1) -> Tensor {
    slice(shape.slice(axis: axis, range, step: step, of: "slice"))
  }

  /// `length` neighbours along an axis; `start` may count from the end.
  public func narrow(start: Int, length: Int, axis: Int) -> Tensor {
    slice(shape.narrow(axis: axis, start: start, length: length, of: "narrow"))
  }

  /// The axis reversed.
  public func flip(axis: Int) -> Tensor { slice(shape.reversal(axis: axis, of: "flip")) }

  /// One entry along an axis, which is dropped; the index may count from the end.
  public func select(_ index: Int, axis: Int) -> Tensor {
    select(shape.entry(axis: axis, index, of: "select"))
  }

  /// The elements that a slice of this shape names.
  package func slice(_ place: AxisSlice) -> Tensor {
    var layout = layout
    layout.slice(place)
    return Tensor(storage: storage, layout: layout)
  }

  /// The one entry that a slice of this shape names, without its axis.
  package func select(_ place: AxisSlice) -> Tensor {
    var layout = layout
    layout.select(place)
    return Tensor(storage: storage, layout: layout)
  }
}

extension Tensor.Layout {
  /// A tensor of its own.
  init(contiguous shape: Shape) { self.init(shape: shape, strides: shape.contiguousStrides, offset: 0) }

  /// Leaves the elements that a slice of this shape names.
  mutating func slice(_ place: AxisSlice) {
    if place.count > 0 { offset += place.first * strides[place.axis] }
    shape[place.axis] = place.count
    // Of no consequence where it overflows: such a step leads to no second element.
    strides[place.axis] &*= place.step
  }

  /// Leaves the one entry that a slice of this shape names, without its axis.
  mutating func select(_ place: AxisSlice) {
    offset += place.first * strides[place.axis]
    shape.remove(at: place.axis)
    strides.remove(at: place.axis)
  }

  /// Adds an axis of size 1.
  mutating func insertAxis(at position: Int) {
    shape.insert(1, at: position)
    strides.insert(0, at: position)
  }
}
