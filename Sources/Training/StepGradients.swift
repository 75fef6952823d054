import Optim

/// The loss of a batch, and its gradients.
public struct StepGradients {
  /// Its value.
  public var loss: Float
  /// Those with respect to the parameters.
  public var gradients: Gradients

  /// A loss and its gradients.
  public init(loss: Float, gradients: Gradients) { (self.loss, self.gradients) = (loss, gradients) }

  /// Those of one number that was recorded.
  public init(of loss: Variable) {
    gradients = loss.backward()
    self.loss = loss.item()
  }
}
