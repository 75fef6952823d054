import Optim

/// `overhead/mlp-16-32-32-4/batch8`: a training step of a small classifier with ReLU and plain gradient descent, where
/// the cost of calling operations shows.
enum SmallModels {
  static var work: [Work] { [work([16, 32, 32, 4], batch: 8), work([784, 128, 10], batch: 32)] }

  private final class Classifier: Module {
    let layers: [Linear]

    init(_ sizes: [Int], random: inout Random) {
      var layers: [Linear] = []
      for (inputs, outputs) in zip(sizes, sizes.dropFirst()) {
        layers.append(Linear(inputs: inputs, outputs: outputs, random: &random))
      }
      self.layers = layers
    }

    func callAsFunction(_ x: Variable) -> Variable {
      var x = x
      for (index, layer) in layers.enumerated() {
        x = layer(x, activation: index + 1 < layers.count ? .relu : nil)
      }
      return x
    }
  }

  private static func work(_ sizes: [Int], batch: Int) -> Work {
    let weights = zip(sizes, sizes.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    let name = "overhead/mlp-" + sizes.map(String.init).joined(separator: "-") + "/batch\(batch)"
    return Work(name: name, flops: 6 * batch * weights) {
      var random = Random(seed: 1)
      let model = Classifier(sizes, random: &random)
      let optimizer = SGD(model, learningRate: 0.01)
      let x = Variable(random.normal([batch, sizes[0]]))
      let labels = IndexTensor((0..<batch).map { $0 % sizes[sizes.count - 1] })
      return {
        let loss = crossEntropy(logits: model(x), labels: labels)
        optimizer.step(loss.backward())
      }
    }
  }
}
