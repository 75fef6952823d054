/// A part of a model: a class whose stored properties hold parameters, buffers, sources of random numbers and other
/// modules.
///
/// They are found by reflection and named by the path of property names that leads to them:
/// `encoder.layers.0.attention.query.weight`. The way may lead through optionals, arrays, dictionaries (`parts.left`, in
/// the order of the keys), structs, tuples (`pair.0`, `pair.other`), payloads of enumerations (`head.linear.weight`: the
/// case, then what it holds) and superclasses. A lazy property has its own name, and so has one with a property
/// wrapper: what is stored as `wrappedValue` adds nothing to it.
///
/// What would be missed stops the program with its path: a lazy property that was not read yet, a module, parameter or
/// buffer inside a set or an object that is no module (unless the model leads to it elsewhere), two of one path, and a
/// module with a mirror of its own. Only what a closure captures and what a noncopyable value such as a `Mutex` holds
/// cannot be seen.
///
/// Arrays, sets and dictionaries of numbers and text cost nothing, however large; other arrays are looked through each
/// time.
public protocol Module: AnyObject {}

/// A module that behaves differently while training, such as dropout.
public protocol TrainingDependent: Module {
  /// Whether the module is training.
  var isTraining: Bool { get set }
}

extension Module {
  /// All parameters with their paths, in order of declaration; one that is reached twice is listed once.
  public func namedParameters() -> [(path: String, parameter: Parameter)] { ModuleWalk(self).parameters }

  /// All buffers with their paths.
  public func namedBuffers() -> [(path: String, buffer: Buffer)] { ModuleWalk(self).buffers }

  /// This module (with an empty path) and all modules inside it.
  public func namedModules() -> [(path: String, module: any Module)] { ModuleWalk(self).modules }

  /// All parameters.
  public var parameters: [Parameter] { namedParameters().map(\.parameter) }

  /// Excludes all parameters from gradients and updates: no tape is built for them.
  public func freeze() { for parameter in parameters { parameter.isFrozen = true } }

  /// Includes all parameters in gradients and updates.
  public func unfreeze() { for parameter in parameters { parameter.isFrozen = false } }

  /// Switches to training: dropout drops, batch normalisation uses the batch.
  public func train() { setTraining(true) }

  /// Switches to inference: dropout does nothing, batch normalisation uses the running statistics.
  public func evaluate() { setTraining(false) }

  /// Packs the weights of all linear layers for inference, which takes their memory once more, or in its place; see
  /// ``Linear/packWeight(precision:keepingNumbers:)``.
  public func packWeights(precision: WeightPrecision? = nil, keepingNumbers: Bool = true) {
    for (_, module) in namedModules() {
      (module as? Linear)?.packWeight(precision: precision, keepingNumbers: keepingNumbers)
    }
  }

  private func setTraining(_ isTraining: Bool) {
    for (_, module) in namedModules() { (module as? any TrainingDependent)?.isTraining = isTraining }
  }
}
