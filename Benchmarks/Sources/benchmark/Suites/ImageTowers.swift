import Foundation
import SigLIPModel

/// `tower/efficientnet-lite0-224/batch16`: pooled features of images, from the examples' locked tower.
enum ImageTowers {
  static var work: [Work] {
    [
      Work(name: "tower/efficientnet-lite0-224/batch16", flops: 16 * 2 * 384_000_000) {
        let repository = URL(filePath: #filePath).appending(path: "../../../../..").standardized
        let tower = try EfficientNetLite0(
          path: repository.appending(path: "Examples/Data/efficientnet-lite0.safetensors").path)
        var random = Random(seed: 1)
        let pixels = Variable(random.uniform([16, 3, 224, 224], in: -1..<1))
        return { withoutGradients { _ = tower(pixels) } }
      }
    ]
  }
}
