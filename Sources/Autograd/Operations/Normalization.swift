/// Normalises groups of channels of each example to mean 0 and variance 1, then scales and shifts each channel (Wu & He
/// 2018). One group is a layer norm over all but the first axis, as many as channels an instance norm.
///
/// - Parameters:
///   - x: `[N, C, ...]`.
///   - groups: Must divide C.
///   - scale: `[C]`.
///   - offset: `[C]`.
///   - epsilon: Added to the variance.
public func groupNorm(
  _ x: Variable, groups: Int, scale: Variable? = nil, offset: Variable? = nil, epsilon: Float = 1e-5
) -> Variable {
  guard x.rank >= 2, groups > 0, x.shape[1] % groups == 0 else {
    programmerError("groupNorm: the channels of shape \(x.shape) do not divide into \(groups) groups")
  }
  let channels = x.shape[1]
  for parameter in [scale, offset].compactMap({ $0 }) where parameter.shape != [channels] {
    programmerError(
      "groupNorm: an input of shape \(x.shape) for a scale or offset of shape \(parameter.shape)")
  }
  let area = Shape(x.shape.dropFirst(2)).elementCount
  let perChannel = [channels] + Shape(repeating: 1, count: x.rank - 2)
  var result = layerNorm(x.reshape([x.shape[0], groups, channels / groups * area]), epsilon: epsilon)
    .reshape(x.shape)
  if let scale { result = result * scale.reshape(perChannel) }
  if let offset { result = result + offset.reshape(perChannel) }
  return result
}

/// x / √(mean of x² + ε), times `scale`, over the last axis (Zhang & Sennrich 2019).
///
/// - Parameters:
///   - x: `[..., features]`.
///   - scale: `[features]`.
///   - epsilon: Added to the mean square.
public func rmsNorm(_ x: Variable, scale: Variable? = nil, epsilon: Float = 1e-6) -> Variable {
  guard let features = x.shape.last else { programmerError("rmsNorm: an input without axes") }
  if let scale, scale.shape != [features] {
    programmerError("rmsNorm: an input of shape \(x.shape) for a scale of shape \(scale.shape)")
  }
  let meanSquare = x.sumOfSquares(axes: [-1], keepDimensions: true) / Float(Swift.max(features, 1))
  let normalized = x * (meanSquare + epsilon).rsqrt()
  return scale.map { normalized * $0 } ?? normalized
}
