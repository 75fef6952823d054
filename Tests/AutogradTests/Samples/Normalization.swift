import Autograd

enum NormalizationSamples {
  static var all: [OperationSamples] {
    let groups: [(Shape, Int, parameters: Bool)] = [
      ([2, 4, 3, 5], 2, true), ([3, 6], 3, true), ([1, 3, 17], 1, true), ([2, 3, 4], 3, false),
      ([0, 2, 3], 1, true),
    ]
    let rows: [(Shape, scale: Bool)] = [
      ([3, 5], true), ([2, 3, 17], true), ([33], false), ([0, 3], true),
    ]
    return [
      OperationSamples(
        "groupNorm",
        groups.map { shape, groups, hasParameters in
          let parameter = OperationSample.Input([shape[1]])
          return OperationSample(
            [.init(shape)] + (hasParameters ? [parameter, parameter] : []), "\(shape) in \(groups)"
          ) {
            groupNorm(
              $0[0], groups: groups, scale: hasParameters ? $0[1] : nil, offset: hasParameters ? $0[2] : nil,
              epsilon: 1e-3)
          } reference: {
            let normalized = reference($0[0], groups: groups)
            guard hasParameters else { return normalized }
            let perChannel = [shape[1]] + Shape(repeating: 1, count: shape.count - 2)
            return normalized.combine(ReferenceArray($0[1].values, shape: perChannel), *)
              .combine(ReferenceArray($0[2].values, shape: perChannel), +)
          }
        }),
      OperationSamples(
        "rmsNorm",
        rows.map { shape, hasScale in
          OperationSample([.init(shape)] + (hasScale ? [.init([shape[shape.count - 1]])] : [])) {
            rmsNorm($0[0], scale: hasScale ? $0[1] : nil, epsilon: 1e-3)
          } reference: { x in
            let mean = x[0].fold(axes: [-1], keepDimensions: true) {
              $0.reduce(0) { $0 + $1 * $1 } / Double($0.count)
            }
            let normalized = x[0].combine(mean) { $0 / ($1 + 1e-3).squareRoot() }
            return hasScale ? normalized.combine(x[1], *) : normalized
          }
        }),
    ]
  }

  private static func reference(_ x: ReferenceArray, groups: Int) -> ReferenceArray {
    let inGroup = x.shape[1] / groups
    func members(of position: [Int]) -> [Double] {
      ReferenceArray.positions(of: x.shape).filter {
        $0[0] == position[0] && $0[1] / inGroup == position[1] / inGroup
      }.map { x[$0] }
    }
    return ReferenceArray(shape: x.shape) { position in
      let members = members(of: position)
      let mean = members.reduce(0, +) / Double(members.count)
      let variance = members.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(members.count)
      return (x[position] - mean) / (variance + 1e-3).squareRoot()
    }
  }
}
