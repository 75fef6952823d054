/// Reading and adding at positions given by integers. A negative or too large integer stops the program.
extension Variable {
  /// Slices along an axis, in the order of `indices`, whose axes take the place of `axis`.
  public func take(_ indices: IndexTensor, axis: Int = 0) -> Variable {
    let axis = shape.axis(axis, of: "take")
    return record(
      "take", [self], value: value.take(indices, axis: axis),
      fused: {
        // In place: the zeros can be a table of many words.
        var sum = Tensor.zeros($0.shape(ofInput: 0))
        sum.addScattered($0.gradient.value, at: indices, axis: axis)
        return [sum]
      },
      derivative: {
        [Variable(.zeros($0.shape(ofInput: 0))).scatterAdd($0.gradient, at: indices, axis: axis)]
      })
  }

  /// Self with `updates` added to the slices that ``take(_:axis:)`` would read; repeated positions add up.
  public func scatterAdd(_ updates: Variable, at indices: IndexTensor, axis: Int = 0) -> Variable {
    let axis = shape.axis(axis, of: "scatterAdd")
    let result = value.scatterAdd(updates.value, at: indices, axis: axis)
    return record("scatterAdd", [self, updates], value: result) {
      [$0.gradient, $0.needs(1) ? $0.gradient.take(indices, axis: axis) : nil]
    }
  }

  /// Elements picked along an axis, one position for each element of the result, which has the shape of `indices`
  /// (PyTorch's `gather`); outside the axis the shapes agree.
  public func takeAlong(axis: Int, _ indices: IndexTensor) -> Variable {
    let axis = shape.axis(axis, of: "takeAlong")
    return picked("takeAlong", value.takeAlong(axis: axis, indices), axis, indices)
  }

  /// Self with `updates` added to the elements that ``takeAlong(axis:_:)`` would read; repeated positions add up
  /// (PyTorch's `scatter_add`).
  public func scatterAddAlong(axis: Int, _ indices: IndexTensor, _ updates: Variable) -> Variable {
    let axis = shape.axis(axis, of: "scatterAddAlong")
    let result = value.scatterAddAlong(axis: axis, indices, updates.value)
    return record("scatterAddAlong", [self, updates], value: result) {
      [$0.gradient, $0.needs(1) ? $0.gradient.takeAlong(axis: axis, indices) : nil]
    }
  }

  /// Elements in order along an axis, and the positions they came from.
  public func sort(axis: Int = -1, descending: Bool = false) -> (values: Variable, indices: IndexTensor) {
    let axis = shape.axis(axis, of: "sort")
    let (values, indices) = value.sort(axis: axis, descending: descending)
    return (picked("sort", values, axis, indices), indices)
  }

  /// The `k` largest elements along an axis, largest first, and their positions.
  public func topK(_ k: Int, axis: Int = -1) -> (values: Variable, indices: IndexTensor) {
    let axis = shape.axis(axis, of: "topK")
    let (values, indices) = value.topK(k, axis: axis)
    return (picked("topK", values, axis, indices), indices)
  }

  /// Elements that were picked by position: their gradients go back to where they came from.
  private func picked(_ name: StaticString, _ values: Tensor, _ axis: Int, _ indices: IndexTensor) -> Variable
  {
    record(
      name, [self], value: values,
      fused: {
        var sum = Tensor.zeros($0.shape(ofInput: 0))
        sum.addScatteredAlong(axis: axis, indices, $0.gradient.value)
        return [sum]
      },
      derivative: {
        let zeros = Variable(.zeros($0.shape(ofInput: 0)))
        return [zeros.scatterAddAlong(axis: axis, indices, $0.gradient)]
      })
  }

  /// Sums of the elements up to and including each one along an axis; `reverse` sums from each one to the end.
  public func cumulativeSum(axis: Int, reverse: Bool = false) -> Variable {
    let axis = shape.axis(axis, of: "cumulativeSum")
    return record("cumulativeSum", [self], value: value.cumulativeSum(axis: axis, reverse: reverse)) {
      [$0.gradient.cumulativeSum(axis: axis, reverse: !reverse)]
    }
  }
}

// MARK: - Samples

extension Variable {
  package static var indexingSamples: [OperationSamples] {
    let indices = IndexTensor([2, 0, 2, 1, 2, 2], shape: [2, 3])
    let column = IndexTensor([1, 1, 0])
    return [
      OperationSamples(
        "take",
        [
          movingSample([3, 17], to: [2, 3, 17], "axis 0", { $0.take(indices) }) {
            [Int(indices.values[$0[0] * 3 + $0[1]]), $0[2]]
          },
          movingSample([2, 4], to: [2, 3], "axis -1", { $0.take(column, axis: -1) }) {
            [$0[0], Int(column.values[$0[1]])]
          },
          movingSample([3], to: [0], "nothing", { $0.take(IndexTensor([Int]())) }) { $0 },
        ]),
      OperationSamples(
        "takeAlong",
        [
          movingSample([3, 3], to: [2, 3], "axis 0", { $0.takeAlong(axis: 0, indices) }) {
            [Int(indices.values[$0[0] * 3 + $0[1]]), $0[1]]
          },
          movingSample([2, 5], to: [2, 3], "axis -1", { $0.takeAlong(axis: -1, indices) }) {
            [$0[0], Int(indices.values[$0[0] * 3 + $0[1]])]
          },
        ]),
      OperationSamples(
        "scatterAdd",
        [
          OperationSample([.init([3, 17]), .init([2, 3, 17])], "axis 0") {
            $0[0].scatterAdd($0[1], at: indices)
          } reference: { x in
            ReferenceArray(shape: [3, 17]) { p in
              indices.values.indices.reduce(x[0][p]) {
                $0 + (Int(indices.values[$1]) == p[0] ? x[1][[$1 / 3, $1 % 3, p[1]]] : 0)
              }
            }
          },
          OperationSample([.init([2, 4]), .init([2, 3])], "axis 1") {
            $0[0].scatterAdd($0[1], at: column, axis: 1)
          } reference: { x in
            ReferenceArray(shape: [2, 4]) { p in
              (0..<3).reduce(x[0][p]) { $0 + (Int(column.values[$1]) == p[1] ? x[1][[p[0], $1]] : 0) }
            }
          },
        ]),
      OperationSamples(
        "scatterAddAlong",
        [
          OperationSample([.init([2, 5]), .init([2, 3])], "axis 1") {
            $0[0].scatterAddAlong(axis: 1, indices, $0[1])
          } reference: { x in
            ReferenceArray(shape: [2, 5]) { p in
              (0..<3).reduce(x[0][p]) {
                $0 + (Int(indices.values[p[0] * 3 + $1]) == p[1] ? x[1][[p[0], $1]] : 0)
              }
            }
          }
        ]),
      OperationSamples(
        "sort",
        [([33], -1, false), ([4, 3], 0, true), ([1], 0, false), ([2, 0], 1, false)].map {
          (shape: Shape, axis: Int, descending: Bool) in
          OperationSample(
            [.init(shape)], "\(shape) along \(axis)\(descending ? " descending" : "")", hasKinks: true
          ) {
            $0[0].sort(axis: axis, descending: descending).values
          } reference: {
            $0[0].mapLines(along: axis) { $0.sorted(by: descending ? (>) : (<)) }
          }
        }),
      OperationSamples(
        "topK",
        [([2, 17], -1, 3), ([5, 2], 0, 2), ([4], 0, 0)].map { (shape: Shape, axis: Int, k: Int) in
          OperationSample([.init(shape)], "\(k) of \(shape) along \(axis)", hasKinks: true) {
            $0[0].topK(k, axis: axis).values
          } reference: {
            $0[0].mapLines(along: axis) { Array($0.sorted(by: >).prefix(k)) }
          }
        }),
      OperationSamples(
        "cumulativeSum",
        [([33], -1, false), ([3, 4], 0, true), ([2, 3, 5], 1, false), ([0, 3], 1, false)].map {
          (shape: Shape, axis: Int, reverse: Bool) in
          OperationSample([.init(shape)], "\(shape) along \(axis)\(reverse ? " reversed" : "")") {
            $0[0].cumulativeSum(axis: axis, reverse: reverse)
          } reference: {
            $0[0].mapLines(along: axis) { line in
              line.indices.map { line[reverse ? $0..<line.count : 0..<$0 + 1].reduce(0, +) }
            }
          }
        }),
    ]
  }
}
