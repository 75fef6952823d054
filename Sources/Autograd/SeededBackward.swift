/// Gradients of several variables at once with respect to every leaf they came from, given those with respect to them: for
/// what lies behind a loss that was computed elsewhere.
///
/// - Parameter outputs: Variables and the gradients with respect to them, of their shapes; constants are passed over.
/// - Returns: No gradients if all are constants.
public func backward(_ outputs: [(variable: Variable, gradient: Tensor)]) -> Gradients {
  var gradients = Gradients()
  backward(outputs) { leaf, gradient in gradients.insert(gradient, leaf) }
  return gradients
}

/// The same, with each leaf's gradient handed out as soon as nothing will add to it any more; nothing keeps it.
package func backward(
  _ outputs: [(variable: Variable, gradient: Tensor)],
  handingOut body: (_ leaf: UInt64, _ gradient: Tensor) throws -> Void
) rethrows {
  for (variable, gradient) in outputs where variable.shape != gradient.shape {
    programmerError("backward: a gradient of shape \(gradient.shape) for shape \(variable.shape)")
  }
  guard outputs.contains(where: \.variable.requiresGradient) else { return }
  // Where all of them meet, for this sweep alone.
  let root = Node(
    name: "backward", inputs: outputs.map(\.variable), value: Tensor(0), saving: [],
    derivatives: .init(
      fused: { _ in outputs.map(\.gradient) }, general: { _ in outputs.map { Variable($0.gradient) } }))
  try Sweep(root: root, olderNodesThan: 0, targets: nil, createsGraph: false)
    .run(seed: Tensor(1), handingOut: body)
}
