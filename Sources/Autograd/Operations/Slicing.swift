extension Variable {
  /// Every `step`-th element of `range` along an axis; bounds may count from the end; a negative step walks backwards
  /// from the last element of the range.
  public func slice(_ range: some AxisRange, axis: Int, step: Int = 1) -> Variable {
    slice(shape.slice(axis: axis, range, step: step, of: "slice"))
  }

  /// The elements that a slice of this shape names.
  private func slice(_ place: AxisSlice) -> Variable {
    record("slice", [self], value: value.slice(place)) {
      [$0.gradient.embedded(in: $0.shape(ofInput: 0), place)]
    }
  }

  /// Zeros of `shape` with self in the place that a slice of it names.
  package func embedded(in shape: Shape, _ place: AxisSlice) -> Variable {
    record("embed", [self], value: value.embedded(in: shape, place)) { [$0.gradient.slice(place)] }
  }

  /// `length` neighbours along an axis; `start` may count from the end.
  public func narrow(start: Int, length: Int, axis: Int) -> Variable {
    slice(shape.narrow(axis: axis, start: start, length: length, of: "narrow"))
  }

  /// The axis reversed.
  public func flip(axis: Int) -> Variable {
    record("flip", [self], value: value.flip(axis: axis)) { [$0.gradient.flip(axis: axis)] }
  }

  /// The elements of an axis moved on by `shift` positions, those beyond its end to its start; negative shifts move them
  /// back. Without an axis those of the whole variable, in row-major order.
  public func roll(_ shift: Int, axis: Int? = nil) -> Variable {
    record("roll", [self], value: value.roll(shift, axis: axis)) {
      [$0.gradient.roll(shift == .min ? 0 : -shift, axis: axis)]
    }
  }

  /// One entry along an axis, which is dropped; the index may count from the end.
  public func select(_ index: Int, axis: Int) -> Variable {
    let place = shape.entry(axis: axis, index, of: "select")
    return record("select", [self], value: value.select(place)) {
      [$0.gradient.unsqueeze(place.axis).embedded(in: $0.shape(ofInput: 0), place)]
    }
  }

  /// Consecutive parts of the given sizes along an axis; the sizes must add up.
  public func split(sizes: [Int], axis: Int = 0) -> [Variable] {
    shape.parts(sizes: sizes, axis: axis).map { slice($0) }
  }

  /// Equal parts along an axis, whose size they must divide.
  public func split(parts: Int, axis: Int = 0) -> [Variable] {
    shape.parts(count: parts, axis: axis).map { slice($0) }
  }

  /// Variables put one after another along an existing axis; the other sizes must agree.
  public static func concatenate(_ variables: [Variable], axis: Int = 0) -> Variable {
    let value = Tensor.concatenate(variables.map(\.value), axis: axis)
    let axis = value.shape.axis(axis, of: "concatenate")
    let positions = variables.indices
    return record("concatenate", variables, value: value) { context in
      var start = 0
      return positions.map { position in
        let length = context.shape(ofInput: position)[axis]
        defer { start += length }
        return context.needs(position)
          ? context.gradient.narrow(start: start, length: length, axis: axis) : nil
      }
    }
  }

  /// Variables of one shape along a new axis.
  public static func stack(_ variables: [Variable], axis: Int = 0) -> Variable {
    let value = Tensor.stack(variables.map(\.value), axis: axis)
    let positions = variables.indices
    return record("stack", variables, value: value) { context in
      positions.map { context.needs($0) ? context.gradient.select($0, axis: axis) : nil }
    }
  }

  /// The variable with `before` and `after` elements of `value` added along each axis, one pair an axis.
  public func pad(_ widths: [(before: Int, after: Int)], value padding: Float = 0) -> Variable {
    record("pad", [self], value: value.pad(widths, value: padding)) {
      var inside = $0.gradient
      let shape = $0.shape(ofInput: 0)
      for (axis, width) in widths.enumerated() where width.before + width.after > 0 {
        inside = inside.narrow(start: width.before, length: shape[axis], axis: axis)
      }
      return [inside]
    }
  }
}
