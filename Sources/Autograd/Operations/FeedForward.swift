/// act(x W₁ᵀ + b₁) W₂ᵀ + b₂: two linear layers with an activation function between them.
///
/// Between the layers only the activation's input is kept; its output is computed again in the backward sweep, which
/// takes less time than reading it would take memory.
///
/// - Parameters:
///   - x: `[..., inputs]`.
///   - weight1: `[hidden, inputs]`.
///   - bias1: `[hidden]`.
///   - weight2: `[outputs, hidden]`.
///   - bias2: `[outputs]`.
/// - Returns: `[..., outputs]`.
package func feedForward(
  _ x: Variable, weight1: Variable, bias1: Variable?, activation: Activation, weight2: Variable,
  bias2: Variable?
) -> Variable {
  let inputs = [x, weight1, weight2] + [bias1, bias2].compactMap { $0 }
  if !Recording.isEnabled || !inputs.contains(where: \.requiresGradient) {
    let hidden = linear(x, weight: weight1, bias: bias1, activation: activation)
    return linear(hidden, weight: weight2, bias: bias2)
  }
  return activatedLinear(
    linear(x, weight: weight1, bias: bias1), activation: activation, weight: weight2, bias: bias2)
}

/// act(x) Wᵀ + b, keeping x but not act(x).
package func activatedLinear(
  _ x: Variable, activation: Activation, weight: Variable, bias: Variable?
) -> Variable {
  let value = linear(activation(x.value), weight: weight.value, bias: bias?.value)
  return record(
    "activatedLinear", bias.map { [x, weight, $0] } ?? [x, weight], value: value,
    fused: { context in
      let x = context.input(0).value
      var result = linearGradients(context, x: activation(x))
      result[0] = result[0].map { activation.derivative(at: x, gradient: $0) }
      return result
    },
    composition: { linear(activation($0[0]), weight: $0[1], bias: $0.count > 2 ? $0[2] : nil) })
}
