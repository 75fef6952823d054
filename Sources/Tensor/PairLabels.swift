/// Which pairs of a batch belong together, for the pairwise losses.
public enum PairLabels: Sendable {
  /// Image i and text i, and no others.
  case diagonal
  /// Every image and text with the same number, such as all captions of one image.
  case classes(images: IndexTensor, texts: IndexTensor)

  /// Labels that fit the numbers of images and texts, with classes counted from 0.
  func checked(images: Int, texts: Int, of operation: StaticString) -> PairLabels {
    switch self {
    case .diagonal:
      if images != texts {
        programmerError(
          "\(operation): \(images) images and \(texts) texts have no diagonal; give their classes")
      }
      return self
    case .classes(let imageClasses, let textClasses):
      if imageClasses.shape != [images] || textClasses.shape != [texts] {
        programmerError(
          "\(operation): classes of shapes \(imageClasses.shape) and \(textClasses.shape) for \(images) images "
            + "and \(texts) texts")
      }
      var numbers: [Int32: Int32] = [:]
      func numbered(_ classes: IndexTensor) -> IndexTensor {
        IndexTensor(
          classes.values.map { value in
            if let number = numbers[value] { return number }
            numbers[value] = Int32(numbers.count)
            return numbers[value]!
          })
      }
      return .classes(images: numbered(imageClasses), texts: numbered(textClasses))
    }
  }

  /// Calls `body` with the classes of images and texts, or with nil twice.
  func withClasses(_ body: (UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Void) {
    guard case .classes(let images, let texts) = self else { return body(nil, nil) }
    images.values.withUnsafeBufferPointer { images in
      texts.values.withUnsafeBufferPointer { texts in body(images.baseAddress, texts.baseAddress) }
    }
  }

  /// The texts that belong to each image.
  package func positives(images: Int, texts: Int) -> Positives {
    guard case .classes(let imageClasses, let textClasses) = self else {
      return Positives(oneForEach: (0..<texts).map(Int32.init))
    }
    var members: [Int32: [Int32]] = [:]
    for (text, number) in textClasses.values.enumerated() { members[number, default: []].append(Int32(text)) }
    var result = Positives()
    for number in imageClasses.values { result.append(members[number] ?? []) }
    return result
  }
}

/// The texts that belong to each image, in compressed rows: those of image i are `texts[starts[i]..<starts[i + 1]]`.
package struct Positives {
  private var starts: [Int]
  private(set) var texts: [Int32]

  /// One text for each image.
  package init(oneForEach texts: [Int32]) { (starts, self.texts) = (Array(0...texts.count), texts) }

  fileprivate init() { (starts, texts) = ([0], []) }

  fileprivate mutating func append(_ textsOfNextImage: [Int32]) {
    texts += textsOfNextImage
    starts.append(texts.count)
  }

  /// Where the texts of an image are in `texts`.
  func range(of image: Int) -> Range<Int> { starts[image]..<starts[image + 1] }

  /// 1 for pairs that belong together, else 0.
  package func matrix(texts count: Int) -> Tensor {
    var matrix = Tensor.zeros([starts.count - 1, count])
    matrix.withUnsafeMutableScalars { buffer in
      for image in 0..<starts.count - 1 {
        for text in texts[range(of: image)] { buffer[image * count + Int(text)] = 1 }
      }
    }
    return matrix
  }
}
