import Optim

/// Looks inside a model during chosen steps: what modules return and the gradients that come back, as numbers for the
/// metrics.
///
///     let probe = ModuleProbe(model) { $0.hasPrefix("text.encoder.blocks.") }
///     probe.start()
///     let gradients = loss(batch).backward()
///     metrics.numbers.merge(probe.finish()) { $1 }
///
/// gives, by path and over all calls of the module, `output/mean/text.encoder.blocks.0`, `output/deviation/...`,
/// `output/largest/...` (in magnitude), `output/zeros/...` (their share), and `gradient/...` the same of the gradient with
/// respect to the output. A module that is not called gives nothing, one that no gradient reaches nothing of gradients. What
/// a ``checkpoint(_:_:)`` computes again counts once, and the parts of a batch (``microbatched(_:size:_:)``) together.
///
/// The model computes the same bits while it is looked at, but where layers that usually compute as one, as those of `MLP`
/// do, are looked at one by one.
public final class ModuleProbe {
  /// The modules that are looked at.
  public let paths: [String]
  private var seen: [String: Seen] = [:]
  private var isRecording = false
  private var hooks: [ModuleHook] = []

  private struct Seen {
    var outputs = RunningStatistics()
    var gradients = RunningStatistics()
  }

  /// A probe of the modules at some paths; traps when there is no module or when it is not `Hookable`.
  public init(_ model: some Module, at paths: [String]) {
    self.paths = paths
    for path in paths {
      hooks.append(
        model.addForwardHook(at: path) { [weak self] _, output in
          guard let self, isRecording, !isRecomputing else { return }
          seen[path, default: Seen()].outputs.add(output.value)
        })
      hooks.append(
        model.addGradientHook(at: path) { [weak self] gradient in
          guard let self, isRecording else { return }
          seen[path, default: Seen()].gradients.add(gradient)
        })
    }
  }

  /// A probe of all modules that are `Hookable` and whose path is wanted.
  public convenience init(_ model: some Module, where isWanted: (_ path: String) -> Bool = { _ in true }) {
    self.init(
      model, at: model.namedModules().filter { $0.module is any Hookable && isWanted($0.path) }.map(\.path))
  }

  deinit { remove() }

  /// Looks from now on, and forgets what was seen before.
  public func start() {
    seen = [:]
    isRecording = true
  }

  /// Looks no longer, which costs nothing then.
  ///
  /// - Returns: What was seen since ``start()``.
  public func finish() -> [String: Double] {
    isRecording = false
    var numbers: [String: Double] = [:]
    for (path, seen) in seen {
      for (kind, statistics) in [("output", seen.outputs), ("gradient", seen.gradients)] {
        for (name, number) in statistics.numbers {
          numbers[path.isEmpty ? "\(kind)/\(name)" : "\(kind)/\(name)/\(path)"] = number
        }
      }
    }
    seen = [:]
    return numbers
  }

  /// Leaves the model as it was.
  public func remove() {
    for hook in hooks { hook.remove() }
    hooks = []
  }
}

/// Sums over the elements of several tensors, in double precision.
private struct RunningStatistics {
  private var count = 0
  private var zeroCount = 0
  private var sum = 0.0
  private var squares = 0.0
  private var largest: Float = 0

  mutating func add(_ tensor: Tensor) {
    tensor.withUnsafeScalars { scalars in
      for number in scalars {
        let wide = Double(number)
        sum += wide
        squares += wide * wide
        if number.magnitude > largest { largest = number.magnitude }
        if number == 0 { zeroCount += 1 }
      }
      count += scalars.count
    }
  }

  /// None of no elements.
  var numbers: [String: Double] {
    if count == 0 { return [:] }
    let mean = sum / Double(count)
    let variance = squares / Double(count) - mean * mean
    return [
      // Rounding may leave less than nothing of a small variance.
      "mean": mean, "deviation": (variance < 0 ? 0 : variance).squareRoot(),
      "largest": squares.isNaN ? .nan : Double(largest), "zeros": Double(zeroCount) / Double(count),
    ]
  }
}
