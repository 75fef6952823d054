extension Tensor {
  /// The lower triangle of matrices `[..., rows, columns]`, 0 above it. It ends with the main diagonal, or `diagonal` places
  /// above it.
  public func tril(diagonal: Int = 0) -> Tensor {
    .select(Tensor.lowerTriangle(of: shape, diagonal, of: "tril"), self, Tensor(0))
  }

  /// The upper triangle of matrices `[..., rows, columns]`, 0 below it. It begins with the main diagonal, or `diagonal` places
  /// above it.
  public func triu(diagonal: Int = 0) -> Tensor {
    .select(Tensor.lowerTriangle(of: shape, diagonal - 1, of: "triu"), Tensor(0), self)
  }

  /// A mask `[rows, columns]` of the last two axes of a shape: 1 on and below a diagonal, 0 above it.
  package static func lowerTriangle(of shape: Shape, _ diagonal: Int, of operation: StaticString) -> Tensor {
    guard shape.count >= 2 else {
      programmerError("\(operation): shape \(shape) is not [..., rows, columns]")
    }
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    return Tensor(uninitialized: [rows, columns]) { mask in
      for row in 0..<rows {
        for column in 0..<columns { mask[row * columns + column] = column - row <= diagonal ? 1 : 0 }
      }
    }
  }
}
