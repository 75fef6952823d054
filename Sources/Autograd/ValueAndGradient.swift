/// The value of a function and its gradient: `let (loss, slope) = valueAndGradient(at: x) { $0.square().sum() }`.
///
/// - Parameters:
///   - input: Where.
///   - function: Gives one number.
/// - Returns: The number, without axes, and its gradient, of the input's shape.
public func valueAndGradient(
  at input: Tensor, of function: (Variable) throws -> Variable
) rethrows -> (value: Tensor, gradient: Tensor) {
  let (value, gradients) = try valueAndGradient(at: [input]) { try function($0[0]) }
  return (value, gradients[0])
}

/// The value of a function of several tensors and its gradients with respect to each, zeros where it does not depend on one.
public func valueAndGradient(
  at inputs: [Tensor], of function: ([Variable]) throws -> Variable
) rethrows -> (value: Tensor, gradients: [Tensor]) {
  let leaves = inputs.map { Variable($0, requiresGradient: true) }
  let output = try function(leaves)
  if !output.requiresGradient { return (output.value, inputs.map(Tensor.zeros(like:))) }
  return (output.value, gradients(of: output, withRespectTo: leaves).map(\.value))
}

/// The value of a function and its gradients with respect to the parameters it reads, as an optimizer takes them:
/// `let (loss, gradients) = valueAndGradient { model(images).mean() }`.
public func valueAndGradient(
  of function: () throws -> Variable
) rethrows -> (value: Tensor, gradients: Gradients) {
  let output = try function()
  return (output.value, output.backward())
}
