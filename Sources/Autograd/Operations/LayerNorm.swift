/// (x - mean) / √(variance + ε), times `scale`, plus `offset`, over the last axis (Ba et al. 2016).
///
/// Beside its inputs it keeps two numbers a row: the mean and the reciprocal deviation.
///
/// - Parameters:
///   - x: `[..., features]`.
///   - scale: `[features]`.
///   - offset: `[features]`.
///   - epsilon: Added to the variance.
public func layerNorm(
  _ x: Variable, scale: Variable? = nil, offset: Variable? = nil, epsilon: Float = 1e-6
) -> Variable {
  guard let features = x.shape.last else { programmerError("layerNorm: an input without axes") }
  for parameter in [scale, offset].compactMap({ $0 }) where parameter.shape != [features] {
    programmerError(
      "layerNorm: an input of shape \(x.shape) for a scale or offset of shape \(parameter.shape)")
  }
  let normalized = layerNorm(x.value, scale: scale?.value, offset: offset?.value, epsilon: epsilon)
  let parameters = [scale, offset].compactMap { $0 }
  let (scalePosition, offsetPosition) = (1, scale == nil ? 1 : 2)
  let (hasScale, hasOffset) = (scale != nil, offset != nil)
  return record(
    "layerNorm", [x] + parameters, value: normalized.output,
    fused: { context in
      let x = context.input(0).value
      let scale = hasScale ? context.input(scalePosition).value : nil
      let gradient = context.gradient.value
      let needsScale = hasScale && context.needs(scalePosition)
      let needsOffset = hasOffset && context.needs(offsetPosition)
      let found = layerNormDerivative(
        x, scale: scale, gradient: gradient, mean: normalized.mean,
        reciprocalDeviation: normalized.reciprocalDeviation, ofInput: context.needs(0),
        ofParameters: needsScale || needsOffset)
      return [found.input] + (hasScale ? [found.scale] : []) + (hasOffset ? [found.offset] : [])
    },
    composition: {
      composedLayerNorm(
        $0[0], scale: hasScale ? $0[scalePosition] : nil, offset: hasOffset ? $0[offsetPosition] : nil,
        epsilon: epsilon)
    })
}

package func composedLayerNorm(
  _ x: Variable, scale: Variable?, offset: Variable?, epsilon: Float
) -> Variable {
  let centred = x.centred(axes: [-1])
  let variance = centred.square().mean(axes: [-1], keepDimensions: true)
  var result = centred * (variance + epsilon).rsqrt()
  if let scale { result = result * scale }
  if let offset { result = result + offset }
  return result
}
