import Training

/// Bright discs, squares, diamonds and crosses of any size, anywhere on a picture full of noise.
enum Shapes {
  static let names = ["disc", "square", "diamond", "cross"]

  static func draw(
    _ count: Int, size: Int = 16, noise: Float = 0.4, random: inout Random
  ) -> (pictures: Tensor, labels: IndexTensor) {
    let labels = (0..<count).map { _ in random.nextInt(below: names.count) }
    let radius = random.uniform([count, 1, 1, 1], in: 0.2..<0.35) * Float(size)
    // Distances from the centre, down and across.
    let places = Tensor.arange(0.5, Float(size))
    func distance() -> Tensor {
      (places - radius - random.uniform(radius.shape) * (Float(size) - 2 * radius)).abs()
    }
    let (y, x) = (distance().transpose(), distance())
    let (far, near) = (x.maximum(y), x.minimum(y))
    let shapes = [
      (x * x + y * y).sqrt() .< radius, far .< 0.8 * radius, x + y .< 1.2 * radius,
      (near .< 0.35 * radius) * (far .< 1.1 * radius),
    ]
    let picked = labels.enumerated().map { picture, label in shapes[label][picture] }
    let pictures = Tensor.stack(picked)
    return (pictures + random.normal(pictures.shape, standardDeviation: noise), IndexTensor(labels))
  }
}
