/// Which pairs of a batch belong together, for the pairwise losses.
public enum PairLabels: Sendable {
  /// Image i and text i, and no others.
  case diagonal
  /// Every image and text with the same number, such as all captions of one image.
  case classes(images: IndexTensor, texts: IndexTensor)

  /// The texts that belong to each image, in compressed rows.
  func positives(images: Int, texts: Int, of operation: StaticString) -> Positives {
    switch self {
    case .diagonal:
      if images != texts {
        programmerError(
          "\(operation): \(images) images and \(texts) texts have no diagonal; give their classes")
      }
      return Positives(starts: Array(0...images), texts: Array(0..<texts))
    case .classes(let imageClasses, let textClasses):
      if imageClasses.shape != [images] || textClasses.shape != [texts] {
        programmerError(
          "\(operation): classes of shapes \(imageClasses.shape) and \(textClasses.shape) for \(images) images and "
            + "\(texts) texts")
      }
      var members: [Int32: [Int]] = [:]
      for (text, number) in textClasses.values.enumerated() { members[number, default: []].append(text) }
      var result = Positives(starts: [0], texts: [])
      for number in imageClasses.values {
        result.texts += members[number] ?? []
        result.starts.append(result.texts.count)
      }
      return result
    }
  }
}

/// The texts that belong to each image: those of image i are `texts[starts[i]..<starts[i + 1]]`.
struct Positives {
  var starts: [Int]
  var texts: [Int]

  subscript(image: Int) -> ArraySlice<Int> { texts[starts[image]..<starts[image + 1]] }

  /// 1 for pairs that belong together, else 0.
  func matrix(texts count: Int) -> Tensor {
    var matrix = Tensor.zeros([starts.count - 1, count])
    matrix.withUnsafeMutableScalars { buffer in
      for image in 0..<starts.count - 1 {
        for text in self[image] { buffer[image * count + text] = 1 }
      }
    }
    return matrix
  }
}
