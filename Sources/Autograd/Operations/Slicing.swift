extension Variable {
  /// Every `step`-th element of `range` along an axis; bounds may count from the end; a negative step walks backwards
  /// from the last element of the range.
  public func slice(axis: Int, _ range: some AxisRange, step: Int = 1) -> Variable {
    slice(shape.slice(axis: axis, range, step: step, of: "slice"))
  }

  /// The elements that a slice of this shape names.
  private func slice(_ place: AxisSlice) -> Variable {
    record("slice", [self], value: value.slice(place)) {
      [$0.gradient.embedded(in: $0.shape(ofInput: 0), place)]
    }
  }

  /// Zeros of `shape` with self in the place that a slice of it names.
  private func embedded(in shape: Shape, _ place: AxisSlice) -> Variable {
    record("embed", [self], value: value.embedded(in: shape, place)) { [$0.gradient.slice(place)] }
  }

  /// `length` neighbours along an axis; `start` may count from the end.
  public func narrow(axis: Int, start: Int, length: Int) -> Variable {
    slice(shape.narrow(axis: axis, start: start, length: length, of: "narrow"))
  }

  /// The axis reversed.
  public func flip(axis: Int) -> Variable {
    record("flip", [self], value: value.flip(axis: axis)) { [$0.gradient.flip(axis: axis)] }
  }

  /// One entry along an axis, which is dropped; the index may count from the end.
  public func select(axis: Int, _ index: Int) -> Variable {
    let place = shape.entry(axis: axis, index, of: "select")
    return record("select", [self], value: value.select(place)) {
      [$0.gradient.unsqueeze(place.axis).embedded(in: $0.shape(ofInput: 0), place)]
    }
  }

  /// One entry of the first axis; -1 is the last.
  public subscript(index: Int) -> Variable { select(axis: 0, index) }

  /// A range of the first axis, such as `2..<5`, `..<3` or, counted from the end, `(-3)...`.
  public subscript(range: some AxisRange) -> Variable { slice(axis: 0, range) }

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
          ? context.gradient.narrow(axis: axis, start: start, length: length) : nil
      }
    }
  }

  /// Variables of one shape along a new axis.
  public static func stack(_ variables: [Variable], axis: Int = 0) -> Variable {
    let value = Tensor.stack(variables.map(\.value), axis: axis)
    let positions = variables.indices
    return record("stack", variables, value: value) { context in
      positions.map { context.needs($0) ? context.gradient.select(axis: axis, $0) : nil }
    }
  }

  /// The variable with `before` and `after` elements of `value` added along each axis, one pair an axis.
  public func pad(_ widths: [(before: Int, after: Int)], value padding: Float = 0) -> Variable {
    record("pad", [self], value: value.pad(widths, value: padding)) {
      var inside = $0.gradient
      let shape = $0.shape(ofInput: 0)
      for (axis, width) in widths.enumerated() where width.before + width.after > 0 {
        inside = inside.narrow(axis: axis, start: width.before, length: shape[axis])
      }
      return [inside]
    }
  }
}

// MARK: - Samples

extension Variable {
  private func embedded(in shape: Shape, axis: Int, _ range: Range<Int>, by step: Int) -> Variable {
    embedded(in: shape, shape.slice(axis: axis, range, step: step, of: "embed"))
  }

  package static var slicingSamples: [OperationSamples] {
    [
      OperationSamples(
        "slice",
        [
          movingSample([5, 3], to: [2, 3], "1..<3", { $0.slice(axis: 0, 1..<3) }) { [$0[0] + 1, $0[1]] },
          movingSample([3, 17], to: [3, 6], "0..<17 by 3", { $0.slice(axis: -1, 0..<17, step: 3) }) {
            [$0[0], $0[1] * 3]
          },
          movingSample([3, 17], to: [3, 5], "2..<16 by -3", { $0.slice(axis: 1, 2..<16, step: -3) }) {
            [$0[0], 15 - $0[1] * 3]
          },
          movingSample([5], to: [3], "1..<4 by -1", { $0.slice(axis: 0, 1..<4, step: -1) }) { [3 - $0[0]] },
          movingSample([5], to: [2], "-2..<0", { $0.slice(axis: 0, -2..<0) }) { [$0[0] + 3] },
          movingSample([4, 3], to: [0, 3], "2..<2", { $0[2..<2] }) { $0 },
          movingSample([5], to: [4], "..<(-1)", { $0[..<(-1)] }) { $0 },
          movingSample([5, 2], to: [3, 2], "(-3)...", { $0[(-3)...] }) { [$0[0] + 2, $0[1]] },
          movingSample([5], to: [3], "1...(-2)", { $0[AxisBounds(lower: 1, upper: -2, includesUpper: true)] })
          {
            [$0[0] + 1]
          },
          movingSample([2, 5], to: [2, 2], "narrow", { $0.narrow(axis: 1, start: -3, length: 2) }) {
            [$0[0], $0[1] + 2]
          },
          movingSample([4, 6], to: [4, 2], "split", { $0.split(parts: 3, axis: 1)[1] }) {
            [$0[0], $0[1] + 2]
          },
          movingSample([4, 6], to: [3, 6], "split", { $0.split(sizes: [1, 3])[1] }) { [$0[0] + 1, $0[1]] },
        ]),
      OperationSamples(
        "embed",
        [
          movingSample(
            [2, 3], to: [5, 3], "1..<5 by 2", { $0.embedded(in: [5, 3], axis: 0, 1..<5, by: 2) }
          ) {
            $0[0] % 2 == 1 ? [$0[0] / 2, $0[1]] : nil
          },
          movingSample([3], to: [5], "0..<5 by -2", { $0.embedded(in: [5], axis: 0, 0..<5, by: -2) }) {
            $0[0] % 2 == 0 ? [2 - $0[0] / 2] : nil
          },
        ]),
      OperationSamples(
        "flip",
        [
          movingSample([3, 5], to: [3, 5], "axis 1", { $0.flip(axis: 1) }) { [$0[0], 4 - $0[1]] },
          movingSample([17], to: [17], "axis -1", { $0.flip(axis: -1) }) { [16 - $0[0]] },
          movingSample([0, 2], to: [0, 2], "axis 0", { $0.flip(axis: 0) }) { $0 },
        ]),
      OperationSamples(
        "select",
        [
          movingSample([3, 5], to: [5], "[-1]", { $0[-1] }) { [2, $0[0]] },
          movingSample([3, 5], to: [3], "2 of axis 1", { $0.select(axis: 1, 2) }) { [$0[0], 2] },
          movingSample([1], to: [], "[0]", { $0[0] }) { _ in [0] },
        ]),
      OperationSamples(
        "pad",
        [
          movingSample([2, 3], to: [3, 6], "with 7", padding: 7, { $0.pad([(1, 0), (1, 2)], value: 7) }) {
            $0[0] >= 1 && (1...3).contains($0[1]) ? [$0[0] - 1, $0[1] - 1] : nil
          },
          movingSample([15], to: [17], "with 0", { $0.pad([(2, 0)]) }) { $0[0] >= 2 ? [$0[0] - 2] : nil },
          movingSample([0], to: [2], "with 0", { $0.pad([(1, 1)]) }) { _ in nil },
        ]),
      OperationSamples(
        "concatenate",
        [
          OperationSample([.init([2, 3]), .init([2, 0]), .init([2, 14])], tolerance: 1e-6) {
            concatenate($0, axis: -1)
          } reference: { x in
            ReferenceArray(shape: [2, 17]) { $0[1] < 3 ? x[0][$0] : x[2][[$0[0], $0[1] - 3]] }
          },
          OperationSample([.init([1]), .init([2])], tolerance: 1e-6) {
            concatenate($0)
          } reference: {
            ReferenceArray($0[0].values + $0[1].values, shape: [3])
          },
        ]),
      OperationSamples(
        "stack",
        [
          OperationSample([.init([2, 3]), .init([2, 3])], "axis 1", tolerance: 1e-6) {
            stack($0, axis: 1)
          } reference: { x in
            ReferenceArray(shape: [2, 2, 3]) { x[$0[1]][[$0[0], $0[2]]] }
          },
          OperationSample([.init([2]), .init([2]), .init([2])], "axis -1", tolerance: 1e-6) {
            stack($0, axis: -1)
          } reference: { x in
            ReferenceArray(shape: [2, 3]) { x[$0[1]][[$0[0]]] }
          },
        ]),
    ]
  }
}
