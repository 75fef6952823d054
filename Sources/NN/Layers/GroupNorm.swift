/// Normalises groups of channels of each example of `[batch, channels, ...]`, then scales and shifts each channel (Wu & He
/// 2018): what does not depend on the batch.
public final class GroupNorm: Layer, Hookable {
  /// `[channels]`, ones at first.
  public let scale: Parameter
  /// `[channels]`, zeros at first.
  public let offset: Parameter
  /// Number of groups.
  public let groups: Int
  /// Added to the variance.
  public let epsilon: Float
  /// See ``Module/addForwardHook(at:_:)``.
  public var forwardHooks = ForwardHooks()

  /// A layer for `channels` channels, which `groups` must divide.
  public init(groups: Int, channels: Int, epsilon: Float = 1e-5) {
    if groups < 1 || channels % groups != 0 {
      programmerError("GroupNorm: \(channels) channels do not divide into \(groups) groups")
    }
    scale = Parameter(.ones([channels]))
    offset = Parameter(.zeros([channels]))
    self.groups = groups
    self.epsilon = epsilon
  }

  /// Normalises `[batch, channels, ...]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    withForwardHooks([x]) {
      groupNorm(x, groups: groups, scale: scale.variable, offset: offset.variable, epsilon: epsilon)
    }
  }
}
