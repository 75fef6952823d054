import Kernels

extension Tensor {
  /// Tensors put one after another along an existing axis; the other sizes must agree.
  public static func concatenate(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
    guard let first = tensors.first else { programmerError("concatenate: no tensors") }
    let axis = first.shape.axis(axis, of: "concatenate")
    var shape = first.shape
    shape[axis] = 0
    for tensor in tensors {
      var expected = first.shape
      if tensor.rank == first.rank { expected[axis] = tensor.shape[axis] }
      if tensor.shape != expected {
        programmerError("concatenate: shapes \(first.shape) and \(tensor.shape) differ outside axis \(axis)")
      }
      shape[axis] += tensor.shape[axis]
    }
    let result = Tensor(uninitialized: shape)
    var start = 0
    for tensor in tensors {
      result.narrow(start: start, length: tensor.shape[axis], axis: axis).overwrite(with: tensor)
      start += tensor.shape[axis]
    }
    return result
  }

  /// Tensors of one shape along a new axis.
  public static func stack(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
    if tensors.isEmpty { programmerError("stack: no tensors") }
    if let odd = tensors.first(where: { $0.shape != tensors[0].shape }) {
      programmerError("stack: shapes \(tensors[0].shape) and \(odd.shape) differ")
    }
    return concatenate(tensors.map { $0.unsqueeze(axis) }, axis: axis)
  }

  /// Views of consecutive parts of the given sizes along an axis; the sizes must add up.
  public func split(sizes: [Int], axis: Int = 0) -> [Tensor] {
    shape.parts(sizes: sizes, axis: axis).map { slice($0) }
  }

  /// Views of equal parts along an axis, whose size they must divide.
  public func split(parts: Int, axis: Int = 0) -> [Tensor] {
    shape.parts(count: parts, axis: axis).map { slice($0) }
  }

  /// The tensor with `before` and `after` elements of `value` added along each axis, one pair an axis.
  public func pad(_ widths: [(before: Int, after: Int)], value: Float = 0) -> Tensor {
    if widths.count != rank || widths.contains(where: { $0.before < 0 || $0.after < 0 }) {
      programmerError("pad: widths \(widths) do not fit shape \(shape)")
    }
    var target = shape
    for (axis, width) in widths.enumerated() {
      let (widened, overflow) = target[axis].addingReportingOverflow(width.before)
      let (size, overflows) = widened.addingReportingOverflow(width.after)
      if overflow || overflows { programmerError("pad: widths \(widths) do not fit shape \(shape)") }
      target[axis] = size
    }
    let result = Tensor.full(target, value)
    var inside = result
    for (axis, width) in widths.enumerated() {
      inside = inside.narrow(start: width.before, length: shape[axis], axis: axis)
    }
    inside.overwrite(with: self)
    return result
  }

  /// Zeros of `shape` with self in the place that a slice of it names.
  package func embedded(in shape: Shape, _ place: AxisSlice) -> Tensor {
    let result = Tensor.zeros(shape)
    let target = result.slice(place)
    if target.shape != self.shape {
      programmerError("embed: shape \(self.shape) into a slice of shape \(target.shape)")
    }
    target.overwrite(with: self)
    return result
  }

  /// The tensor repeated along each axis; more counts than axes add leading axes.
  public func tile(_ counts: [Int]) -> Tensor {
    let lead = Swift.max(0, counts.count - rank)
    let source = reshape(Shape(repeating: 1, count: lead) + shape)
    let counts = Array(repeating: 1, count: source.rank - counts.count) + counts
    // Each axis becomes (count, size); counts repeat by a stride of 0 and the copy does the rest.
    var result = source
    for (axis, count) in counts.enumerated().reversed() where count != 1 {
      if count < 0 { programmerError("tile: counts \(counts) for shape \(shape)") }
      result = Tensor.concatenateCopies(of: result, count: count, axis: axis)
    }
    return result
  }

  /// The elements of an axis moved on by `shift` positions, those beyond its end to its start; negative shifts move them
  /// back. Without an axis those of the whole tensor, in row-major order.
  public func roll(_ shift: Int, axis: Int? = nil) -> Tensor {
    guard let axis else { return flatten().roll(shift, axis: 0).reshape(shape) }
    let size = shape[shape.axis(axis, of: "roll")]
    if size == 0 { return self }
    let rest = shift % size
    let start = rest > 0 ? size - rest : -rest
    if start == 0 { return self }
    return .concatenate(split(sizes: [start, size - start], axis: axis).reversed(), axis: axis)
  }

  private static func concatenateCopies(of tensor: Tensor, count: Int, axis: Int) -> Tensor {
    var shape = tensor.shape
    shape.insert(count, at: axis)
    // Traps where the product below would not fit.
    _ = shape.elementCount
    var merged = tensor.shape
    merged[axis] *= count
    return tensor.unsqueeze(axis).expand(to: shape).reshape(merged)
  }

  /// Copies `source`, of the same shape, into the memory that self views. Only for memory that nobody else has seen.
  func overwrite(with source: Tensor) {
    if isContiguous { return StridedCopy.run(from: source, to: self) }
    let source = source.withReadableRows
    let kernel = Kernels.table.elementwise.copy
    let iteration = StridedIteration(shape: shape, source.strides, strides)
    let (from, to, steps) = (source.readPointer, pointer, iteration.rowStrides)
    iteration.forEachRow { kernel(from + $0.a, steps.a, to + $0.b, steps.b, $0.count) }
    withExtendedLifetime((source.storage, storage)) {}
  }
}

extension Shape {
  /// The axes of `b` after those of `a`.
  public static func + (a: Shape, b: Shape) -> Shape {
    var result = a
    for size in b { result.append(size) }
    return result
  }
}
