extension Variable {
  /// eˣ / Σ eˣ along an axis, without overflow.
  public func softmax(axis: Int = -1) -> Variable {
    let axis = shape.axis(axis, of: "softmax")
    return record(
      "softmax", [self], value: value.softmax(axis: axis), saving: .output,
      fused: { [softmaxDerivative(output: $0.output.value, gradient: $0.gradient.value, axis: axis)] },
      derivative: {
        let y = $0.output
        return [y * ($0.gradient - (y * $0.gradient).sum(axes: [axis], keepDimensions: true))]
      })
  }

  /// x - log Σ eˣ along an axis, without overflow.
  public func logSoftmax(axis: Int = -1) -> Variable {
    let axis = shape.axis(axis, of: "logSoftmax")
    return record(
      "logSoftmax", [self], value: value.logSoftmax(axis: axis), saving: .output,
      fused: { [logSoftmaxDerivative(output: $0.output.value, gradient: $0.gradient.value, axis: axis)] },
      derivative: {
        [$0.gradient - $0.output.exp() * $0.gradient.sum(axes: [axis], keepDimensions: true)]
      })
  }
}
