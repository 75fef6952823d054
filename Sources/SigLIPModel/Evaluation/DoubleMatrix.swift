import NN
import Optim

/// A matrix in double precision, row by row, for linear systems that single precision would spoil.
struct DoubleMatrix: Sendable {
  let rows: Int
  let columns: Int
  var numbers: [Double]

  init(zeros rows: Int, _ columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    numbers = [Double](repeating: 0, count: rows * columns)
  }

  subscript(row: Int, column: Int) -> Double {
    get { numbers[row * columns + column] }
    set { numbers[row * columns + column] = newValue }
  }

  var transposed: DoubleMatrix {
    var result = DoubleMatrix(zeros: columns, rows)
    for row in 0..<rows {
      for column in 0..<columns { result[column, row] = self[row, column] }
    }
    return result
  }

  /// The product with the transpose of another matrix, on all threads.
  func product(transposed other: DoubleMatrix) -> DoubleMatrix {
    precondition(columns == other.columns)
    var result = DoubleMatrix(zeros: rows, other.rows)
    let (count, width) = (other.rows, columns)
    result.numbers.withUnsafeMutableBufferPointer { result in
      numbers.withUnsafeBufferPointer { own in
        other.numbers.withUnsafeBufferPointer { others in
          guard let result = result.baseAddress, let own = own.baseAddress, let others = others.baseAddress
          else {
            return
          }
          // A strip of the other matrix stays in the cache while all rows meet it.
          for start in stride(from: 0, to: width, by: 256) {
            let length = min(256, width - start)
            parallelForEach(count: rows) { row in
              let own = own + row * width + start
              let result = result + row * count
              for column in 0..<count {
                result[column] += dot(own, others + column * width + start, length)
              }
            }
          }
        }
      }
    }
    return result
  }

  /// The lower triangle whose product with its transpose is this symmetric matrix; nothing unless it is positive definite
  /// in spite of rounding.
  func choleskyFactor() -> DoubleMatrix? {
    precondition(rows == columns)
    var result = self
    let isDefinite = result.numbers.withUnsafeMutableBufferPointer { numbers in
      guard let numbers = numbers.baseAddress else { return true }
      for row in 0..<rows {
        let own = numbers + row * rows
        for column in 0..<row {
          let other = numbers + column * rows
          own[column] = (own[column] - dot(own, other, column)) / other[column]
        }
        let square = own[row] - dot(own, own, row)
        guard square > 0 && square.isFinite else { return false }
        own[row] = square.squareRoot()
        for column in (row + 1)..<max(row + 1, rows) { own[column] = 0 }
      }
      return true
    }
    return isDefinite ? result : nil
  }

  /// The solution X of L Lᵀ X = B, where this is the lower triangle L.
  func solve(_ right: DoubleMatrix) -> DoubleMatrix {
    precondition(rows == right.rows)
    var result = right
    let width = right.columns
    result.numbers.withUnsafeMutableBufferPointer { result in
      numbers.withUnsafeBufferPointer { triangle in
        func subtract(_ factor: Double, _ source: Int, from target: Int) {
          for column in 0..<width {
            result[target * width + column] -= factor * result[source * width + column]
          }
        }
        func divide(_ row: Int) {
          for column in 0..<width { result[row * width + column] /= triangle[row * rows + row] }
        }
        for row in 0..<rows {
          for before in 0..<row { subtract(triangle[row * rows + before], before, from: row) }
          divide(row)
        }
        for row in (0..<rows).reversed() {
          for after in (row + 1)..<max(row + 1, rows) {
            subtract(triangle[after * rows + row], after, from: row)
          }
          divide(row)
        }
      }
    }
    return result
  }
}
