/// Some texts for each image, in compressed rows: pairs are numbered image by image, each image's texts in ascending order.
package struct PairLists: Sendable {
  /// Where the pairs of each image begin, and their number at the end; nil on the diagonal, where pair i is image and text i.
  private let starts: [Int]?
  private let texts: [Int32]
  /// How many pairs there are.
  package let count: Int

  /// Image i and text i.
  init(diagonal count: Int) { (starts, texts, self.count) = (nil, [], count) }

  /// Sorted lists without repetitions.
  init(sorted lists: some Sequence<[Int32]>) {
    var (starts, texts) = ([0], [Int32]())
    for list in lists {
      texts += list
      starts.append(texts.count)
    }
    (self.starts, self.texts, count) = (starts, texts, texts.count)
  }

  init(_ lists: [[Int]], of operation: StaticString) {
    self.init(
      sorted: lists.lazy.map { list in
        Set(list).sorted().map { text in
          guard let text = Int32(exactly: text), text >= 0 else {
            programmerError("\(operation): text \(text), expected 0 to \(Int32.max)")
          }
          return text
        }
      })
  }

  /// Traps unless there is a list for each image, of texts that there are.
  func check(images: Int, texts count: Int, of operation: StaticString) {
    if let starts, starts.count - 1 != images {
      programmerError("\(operation): lists of texts for \(starts.count - 1) images, but there are \(images)")
    }
    if let last = texts.max(), last >= count {
      programmerError("\(operation): text \(last) is in a list, but there are \(count)")
    }
  }

  /// The numbers of an image's pairs with some of the texts.
  func pairs(of image: Int, in columns: Range<Int>) -> Range<Int> {
    guard let starts else { return columns.contains(image) ? image..<image + 1 : image..<image }
    let (first, end) = (starts[image], starts[image + 1])
    let lower = position(of: columns.lowerBound, in: first..<end)
    return lower..<position(of: columns.upperBound, in: lower..<end)
  }

  /// The text of a pair.
  func text(of pair: Int) -> Int { starts == nil ? pair : Int(texts[pair]) }

  /// The first pair of a range whose text is `text` or a later one.
  private func position(of text: Int, in range: Range<Int>) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if Int(texts[middle]) < text { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Calls `body` with each pair of a tile, image by image.
  func forEach(
    images: Range<Int>, texts: Range<Int>, _ body: (_ image: Int, _ text: Int, _ pair: Int) -> Void
  ) {
    for image in images {
      for pair in pairs(of: image, in: texts) { body(image, text(of: pair), pair) }
    }
  }

  /// Pairs that are not among the others, which are lists for as many images.
  func subtracting(_ others: PairLists) -> PairLists {
    let images = others.starts.map { $0.count - 1 } ?? others.count
    return PairLists(
      sorted: (0..<images).lazy.map { image in
        let all = pairs(of: image, in: 0..<Int(Int32.max)).map(text)
        let gone = Set(others.pairs(of: image, in: 0..<Int(Int32.max)).map(others.text))
        return all.filter { !gone.contains($0) }.map(Int32.init)
      })
  }

  /// 1 for pairs of the lists, else 0.
  package func matrix(images: Int, texts: Int) -> Tensor {
    var matrix = Tensor.zeros([images, texts])
    matrix.withUnsafeMutableScalars { buffer in
      forEach(images: 0..<images, texts: 0..<texts) { image, text, _ in buffer[image * texts + text] = 1 }
    }
    return matrix
  }
}
