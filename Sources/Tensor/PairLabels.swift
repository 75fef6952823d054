/// Which pairs of a batch belong together, for the pairwise losses.
public struct PairLabels: Sendable {
  enum Positives {
    case diagonal
    case classes(images: IndexTensor, texts: IndexTensor)
    case lists(PairLists)
  }

  let positives: Positives
  /// Pairs that are neither positive nor negative.
  let excluded: PairLists?

  private init(_ positives: Positives, excluded: PairLists? = nil) {
    (self.positives, self.excluded) = (positives, excluded)
  }

  /// Image i and text i, and no others.
  public static let diagonal = PairLabels(.diagonal)

  /// Every image and text with the same number, such as all captions of one image.
  public static func classes(images: IndexTensor, texts: IndexTensor) -> PairLabels {
    PairLabels(.classes(images: images, texts: texts))
  }

  /// The texts that belong to each image, which may be none. Images that share one text need not share all.
  public static func lists(_ textsOfImages: [[Int]]) -> PairLabels {
    PairLabels(.lists(PairLists(textsOfImages, of: "PairLabels.lists")))
  }

  /// The same labels, but the texts listed for each image are neither positive nor negative with it, whatever they were:
  /// the losses leave such pairs out. For near-duplicates, say.
  public func excluding(_ textsOfImages: [[Int]]) -> PairLabels {
    PairLabels(positives, excluded: PairLists(textsOfImages, of: "PairLabels.excluding"))
  }

  /// Labels that fit the numbers of images and texts, with classes counted from 0 if one is negative.
  func checked(images: Int, texts: Int, of operation: StaticString) -> PairLabels {
    excluded?.check(images: images, texts: texts, of: operation)
    switch positives {
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
      guard (imageClasses.values.min() ?? 0) < 0 || (textClasses.values.min() ?? 0) < 0 else { return self }
      var numbers: [Int32: Int32] = [:]
      func numbered(_ classes: IndexTensor) -> IndexTensor {
        IndexTensor(
          classes.values.map { value in
            if let number = numbers[value] { return number }
            numbers[value] = Int32(numbers.count)
            return numbers[value]!
          })
      }
      return PairLabels(
        .classes(images: numbered(imageClasses), texts: numbered(textClasses)), excluded: excluded)
    case .lists(let lists):
      lists.check(images: images, texts: texts, of: operation)
      return self
    }
  }

  /// The texts that belong to each image.
  package func positivePairs(images: Int, texts: Int) -> PairLists {
    let all: PairLists
    switch positives {
    case .diagonal: all = PairLists(diagonal: images)
    case .lists(let lists): all = lists
    case .classes(let imageClasses, let textClasses):
      var members: [Int32: [Int32]] = [:]
      for (text, number) in textClasses.values.enumerated() {
        members[number, default: []].append(Int32(text))
      }
      all = PairLists(sorted: imageClasses.values.lazy.map { members[$0] ?? [] })
    }
    return excluded.map(all.subtracting) ?? all
  }

  /// 1 for pairs that are left out, else 0; nil if none are.
  package func excludedMatrix(images: Int, texts: Int) -> Tensor? {
    excluded?.matrix(images: images, texts: texts)
  }

  /// How many pairs a loss is made of: all but the excluded ones.
  public func pairCount(images: Int, texts: Int) -> Int { images * texts - (excluded?.count ?? 0) }
}
