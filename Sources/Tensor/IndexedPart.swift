/// The part of a shape that indices in brackets name, resolved and checked: what reading and writing a part, and passing
/// a gradient back to it, come down to.
package struct IndexedPart: Sendable {
  /// What leads from the whole to a view of it. Axes count in the whole.
  private enum Step {
    case slice(AxisSlice)
    case select(AxisSlice)
    case newAxis(before: Int)
  }

  /// Positions along some axes of the view, one of each for every pick.
  fileprivate struct Picks {
    /// Axes of the view, ascending.
    let axes: [Int]
    /// Positions along each of these axes, counted from the first.
    let positions: [[Int32]]
    /// The shape that they have in the part.
    let shape: Shape
    /// Where their axes are in the part.
    var place: Int { axes[axes.count - 1] - axes[0] == axes.count - 1 ? axes[0] : 0 }

    /// Where each pick leads in memory.
    func offsets(_ strides: Shape) -> [Int] {
      (0..<shape.elementCount).map { pick in
        zip(axes, positions).reduce(0) { $0 + Int($1.1[pick]) * strides[$1.0] }
      }
    }
  }

  package let whole: Shape
  /// Sizes of the axes of the part.
  package private(set) var shape: Shape
  private var steps: [Step] = []
  private var picks: Picks?

  /// Whether the part is a view, to be had without copying.
  var isView: Bool { picks == nil }

  fileprivate init(of whole: Shape, _ terms: [IndexTerm]) {
    self.whole = whole
    shape = whole
    let named = terms.reduce(0) { $0 + ($1.axisCount ?? 0) }
    let ellipses = terms.count { $0.axisCount == nil }
    if named > whole.count || ellipses > 1 {
      programmerError(
        "subscript: \(named) axes and \(ellipses) ellipses are named, of shape \(whole) and one ellipsis")
    }
    let terms = ellipses == 0 ? terms + [.ellipsis] : terms
    var (axis, dropped, added) = (0, 0, 0)
    var picking: [(axis: Int, indices: IndexTensor)] = []
    for term in terms {
      switch term.kind {
      case .position(let index):
        steps.append(.select(whole.entry(axis: axis, index, of: "subscript")))
        dropped += 1
      case .range(let bounds):
        let place = whole.slice(axis: axis, bounds, step: 1, of: "subscript")
        if place.count != whole[axis] { steps.append(.slice(place)) }
      case .stride(let start, let end, let step):
        steps.append(.slice(whole.stride(axis: axis, from: start, to: end, by: step, of: "subscript")))
      case .newAxis:
        steps.append(.newAxis(before: axis))
        added += 1
      case .ellipsis:
        break
      case .picks(let indices):
        picking.append((axis - dropped + added, indices.resolved(axis, of: whole)))
      case .mask(let mask):
        let sizes = Shape(whole[axis..<axis + mask.rank])
        if mask.rank == 0 || mask.shape != sizes {
          programmerError("subscript: a mask of shape \(mask.shape) for axes \(sizes) of shape \(whole)")
        }
        for (offset, positions) in mask.nonzeroPositions().enumerated() {
          picking.append((axis + offset - dropped + added, IndexTensor(positions)))
        }
      }
      axis += term.axisCount ?? whole.count - named
    }
    shape = view
    if !picking.isEmpty { pick(picking) }
  }

  private mutating func pick(_ picking: [(axis: Int, indices: IndexTensor)]) {
    let common = picking.dropFirst().reduce(picking[0].indices.shape) { shape, next in
      guard let common = shape.broadcast(with: next.indices.shape) else {
        let shapes = picking.map { "\($0.indices.shape)" }.joined(separator: ", ")
        programmerError("subscript: index tensors of shapes \(shapes) do not broadcast")
      }
      return common
    }
    let picks = Picks(
      axes: picking.map(\.axis), positions: picking.map { $0.indices.expand(to: common).values },
      shape: common)
    for axis in picks.axes.reversed() { shape.remove(at: axis) }
    shape = Shape(shape[..<picks.place]) + common + Shape(shape[picks.place...])
    self.picks = picks
  }

  /// The view of a layout of the whole that the picks pick from; the part, if there are none.
  func layout(of layout: Tensor.Layout) -> Tensor.Layout {
    var layout = layout
    // From the last on, so that axes still count in the whole.
    for step in steps.reversed() {
      switch step {
      case .slice(let place): layout.slice(place)
      case .select(let place): layout.select(place)
      case .newAxis(let axis): layout.insertAxis(at: axis)
      }
    }
    return layout
  }

  /// The axis and the positions where entries of one axis are picked and nothing else is done.
  var onlyPick: (axis: Int, indices: IndexTensor)? {
    guard let picks, picks.axes.count == 1, steps.isEmpty else { return nil }
    return (picks.axes[0], IndexTensor(picks.positions[0], shape: picks.shape))
  }

  /// 1 where an element that is assigned to the part stays, 0 where one that is picked later takes its place; nil where
  /// nothing is picked twice. Broadcasts to the part.
  package var survivors: Tensor? {
    guard let picks else { return nil }
    let places = picks.offsets(view.contiguousStrides)
    var seen: Set<Int> = []
    var stays = [Float](repeating: 1, count: places.count)
    for pick in places.indices.reversed() where !seen.insert(places[pick]).inserted { stays[pick] = 0 }
    if seen.count == places.count { return nil }
    let after = shape.count - picks.place - picks.shape.count
    return Tensor(stays, shape: picks.shape + Shape(repeating: 1, count: after))
  }

  /// The shape of the view that the picks pick from.
  private var view: Shape { layout(of: Tensor.Layout(contiguous: whole)).shape }

  /// The elements of the part in row-major order, in runs of equal length.
  struct Runs {
    /// Axes before the picks, and after them but for those that make a run.
    private var (before, beforeStrides) = (Shape(), Shape())
    private var (after, afterStrides) = (Shape(), Shape())
    /// Where the picks lead.
    private let offsets: [Int]
    /// Elements of a run, and the distance between neighbours.
    private(set) var (length, stride) = (1, 1)

    fileprivate init(_ layout: Tensor.Layout, _ picks: Picks?) {
      var (sizes, steps) = (layout.shape, layout.strides)
      for axis in picks?.axes.reversed() ?? [] {
        sizes.remove(at: axis)
        steps.remove(at: axis)
      }
      for axis in sizes.indices where sizes[axis] != 1 {
        if axis < picks?.place ?? 0 {
          before.append(sizes[axis])
          beforeStrides.append(steps[axis])
        } else {
          after.append(sizes[axis])
          afterStrides.append(steps[axis])
        }
      }
      offsets = picks?.offsets(layout.strides).map { $0 + layout.offset } ?? [layout.offset]
      while let size = after.last, length == 1 || afterStrides[after.count - 1] == length * stride {
        let step = afterStrides.remove(at: after.count - 1)
        if length == 1 { stride = step }
        length *= size
        after.remove(at: after.count - 1)
      }
    }

    /// Number of runs.
    var count: Int { length == 0 ? 0 : before.elementCount * offsets.count * after.elementCount }

    /// Where a run begins.
    func offset(of run: Int) -> Int {
      let (rest, position) = run.quotientAndRemainder(dividingBy: after.elementCount)
      let (outer, pick) = rest.quotientAndRemainder(dividingBy: offsets.count)
      return before.offset(of: outer, strides: beforeStrides) + offsets[pick]
        + after.offset(of: position, strides: afterStrides)
    }
  }

  /// The elements of the part of a layout of the whole.
  func runs(in layout: Tensor.Layout) -> Runs { Runs(self.layout(of: layout), picks) }
}

extension Shape {
  /// The part that indices in brackets name; traps where they do not fit.
  package func part(_ indices: [any TensorIndex]) -> IndexedPart {
    IndexedPart(of: self, indices.map(\.indexTerm))
  }
}

extension IndexTensor {
  /// Positions along an axis of a shape, counted from its first; traps where one is outside.
  fileprivate func resolved(_ axis: Int, of shape: Shape) -> IndexTensor {
    let size = shape[axis]
    func isInside(_ index: Int32) -> Bool { index >= 0 && index < size }
    if values.allSatisfy(isInside) { return self }
    return IndexTensor(
      values.map { Int32(shape.entry(axis: axis, Int($0), of: "subscript").first) }, shape: self.shape)
  }
}
