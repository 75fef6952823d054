/// x Wᵀ + b, with the bias and, where no gradient is wanted, the activation applied while the product is in cache.
///
/// - Parameters:
///   - x: `[..., inputs]`.
///   - weight: `[outputs, inputs]`, as PyTorch keeps it; its gradient is computed in that layout.
///   - bias: `[outputs]`.
///   - activation: Applied to the sum.
/// - Returns: `[..., outputs]`.
public func linear(
  _ x: Variable, weight: Variable, bias: Variable? = nil, activation: Activation? = nil
) -> Variable {
  let inputs = bias.map { [x, weight, $0] } ?? [x, weight]
  let isRecorded = requiresRecording(inputs)
  let value = linear(
    x.value, weight: weight.value, bias: bias?.value, activation: isRecorded ? nil : activation)
  if !isRecorded { return Variable(value) }
  let result = record(
    "linear", inputs, value: value, saving: Variable.savedFactors(x, weight),
    fused: { context in linearGradients(context, x: context.input(0).value) },
    derivative: { context in
      let gradient = context.gradient
      let rows = gradient.asRows()
      let gradients = [
        context.needs(0) ? matmul(gradient, context.input(1)) : nil,
        context.needs(1) ? matmul(rows.transpose(), context.input(0).asRows()) : nil,
      ]
      if context.inputCount == 2 { return gradients }
      return gradients + [context.needs(2) ? rows.sum(axes: [0]) : nil]
    })
  // The activation keeps what its own derivative reads.
  return activation.map { $0(result) } ?? result
}

/// The gradients of x Wᵀ + b with respect to x, W and, if there is one, b.
func linearGradients(_ context: DerivativeContext, x: @autoclosure () -> Tensor) -> [Tensor?] {
  let gradient = context.gradient.value
  let rows = gradient.asRows()
  var result = [Tensor?](repeating: nil, count: context.inputCount)
  if context.needs(1) { result[1] = rows.transpose().matmul(x().asRows()) }
  if context.needs(0) { result[0] = gradient.matmul(context.input(1).value) }
  if context.inputCount > 2, context.needs(2) { result[2] = rows.sum(axes: [0]) }
  return result
}

extension Variable {
  /// All leading axes as one, `[rows, features]`: one large product for the weight instead of many.
  fileprivate func asRows() -> Variable { rank == 2 ? self : reshape(shape.asRows) }
}

extension Tensor {
  /// All leading axes as one, `[rows, features]`.
  fileprivate func asRows() -> Tensor { rank == 2 ? self : reshape(shape.asRows) }
}

extension Shape {
  fileprivate var asRows: Shape { [dropLast().elementCount, self[count - 1]] }
}

extension Activation {
  /// Applies the function to every element.
  public func callAsFunction(_ x: Variable) -> Variable {
    switch self {
    case .relu: x.relu()
    case .relu6: x.relu6()
    case .gelu: x.gelu()
    case .geluExact: x.gelu(exact: true)
    case .quickGelu: x.quickGelu()
    case .silu: x.silu()
    }
  }
}
