/// Hands out the gradients of several variables at once with respect to every leaf they came from, given those with respect to
/// them: each as soon as nothing will add to it any more. Nothing keeps it.
///
/// - Parameters:
///   - outputs: Variables and the gradients with respect to them, of their shapes; constants are passed over.
///   - body: Called once for each leaf that a gradient reaches.
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
