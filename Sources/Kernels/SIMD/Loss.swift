import KernelInterface

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

@inline(__always)
private func load(_ p: UnsafePointer<Int32>, _ n: Int) -> VectorBits {
  if n == vectorWidth { return UnsafeRawPointer(p).loadUnaligned(as: VectorBits.self) }
  var vector = VectorBits(repeating: -1)
  withUnsafeMutablePointer(to: &vector) {
    UnsafeMutableRawPointer($0).copyMemory(
      from: UnsafeRawPointer(p), byteCount: n * MemoryLayout<Int32>.stride)
  }
  return vector
}

/// Columns of the sigmoid loss whose sums are carried in single precision: eight numbers in each lane.
private let sigmoidPairsBlock = 128

/// A block of one row of the sigmoid loss.
@inline(__always)
private func sigmoidPairsRow(
  _ s: UnsafeMutablePointer<Float>, _ t: Vector, _ b: Vector, diagonal: Int, class rowClass: Int32,
  _ columnClasses: UnsafePointer<Int32>?, _ scale: Vector, _ sums: UnsafeMutablePointer<Double>,
  _ columns: Int
) {
  let one = Vector(repeating: 1)
  let zero = Vector(repeating: 0)
  var losses = zero
  var gradients = zero
  var products = zero
  forEachVector(columns) { j, n in
    let dot = load(s + j, stride: 1, n)
    var isPositive = laneNumbers .< 0
    let lane = diagonal &- j
    if lane >= 0 && lane < vectorWidth { isPositive = laneNumbers .== Int32(truncatingIfNeeded: lane) }
    if let columnClasses, rowClass >= 0 {
      isPositive = isPositive .| (load(columnClasses + j, n) .== rowClass)
    }
    let logit = multiplyAdd(t, dot, b)
    // x = -z l: the loss is softplus(x), its derivative sigmoid(x).
    let x = select(isPositive, negate(logit), logit)
    let e = exponential(negate(magnitude(x)))
    let loss = select(x .< zero, zero, x) + logarithmOfOnePlus(e)
    let slope = select(x .>= zero, one, e) / (one + e) * scale
    let gradient = select(isPositive, negate(slope), slope)
    if n == vectorWidth {
      losses += loss
      gradients += gradient
      products = multiplyAdd(gradient, dot, products)
    } else {
      let isPresent = laneNumbers .< Int32(truncatingIfNeeded: n)
      losses += select(isPresent, loss, zero)
      gradients += select(isPresent, gradient, zero)
      products += select(isPresent, gradient * dot, zero)
    }
    store(gradient, s + j, n)
  }
  sums[0] += Double(horizontalSum(losses))
  sums[1] += Double(horizontalSum(gradients))
  sums[2] += Double(horizontalSum(products))
}

let lossKernels = LossKernels(
  sigmoidPairs: { s, rowStride, t, b, diagonal, rowClasses, columnClasses, scale, sums, rows, columns in
    let (t, b, scale) = (Vector(repeating: t), Vector(repeating: b), Vector(repeating: scale))
    for row in 0..<rows {
      var start = 0
      while start < columns {
        sigmoidPairsRow(
          s + row * rowStride + start, t, b, diagonal: row &+ diagonal &- start,
          class: rowClasses?[row] ?? -1,
          columnClasses.map { $0 + start }, scale, sums, Swift.min(sigmoidPairsBlock, columns - start))
        start += sigmoidPairsBlock
      }
    }
  },
  softmaxCrossEntropy: { logits, labels, scale, losses, gradient, rows, columns in
    let scale = Vector(repeating: scale)
    for row in 0..<rows {
      let x = logits + row * columns
      let label = Int(labels[row])
      if label < 0 {
        losses[row] = 0
        if let gradient { forEachVector(columns) { j, n in store(.zero, gradient + row * columns + j, n) } }
        continue
      }
      let largest = largest(x, 1, columns)
      let chosen = x[label]
      let out = gradient.map { $0 + row * columns }
      // What the other classes add is summed apart: beside the label's own, and less it, little of a small sum is left.
      let others = sumOfExponentials(x, stride: 1, columns, shift: largest, except: label, out: out)
      let own = Double(out?[label] ?? exponential(Vector(repeating: chosen - largest))[0])
      losses[row] = Float(Double(largest - chosen) + log1p((own - 1) + others))
      guard let out else { continue }
      let factor = Vector(repeating: Float(1 / (own + others))) * scale
      forEachVector(columns) { j, n in store(load(out + j, stride: 1, n) * factor, out + j, n) }
      out[label] = Float(-others / (own + others)) * scale[0]
    }
  }
)
