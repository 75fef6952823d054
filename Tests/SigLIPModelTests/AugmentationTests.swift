import Foundation
import SigLIPModel
import TestSupport
import Testing

/// Changes of images against torchvision's and Pillow's.
@Suite struct AugmentationTests {
  private let expectations: SafetensorsFile

  init() throws { expectations = try SafetensorsFile(fixture("augmentation.safetensors")) }

  private func image(_ name: String) throws -> RGBImage {
    let shape = try #require(expectations[name]).shape
    return RGBImage(width: shape[1], height: shape[0], pixels: try expectations.bytes(named: name))
  }

  @Test(arguments: [("brightness", 28), ("contrast", 28), ("saturation", 28), ("hue", 29), ("mirrored", 4)])
  func changesArePillowsBitForBit(_ change: String, count: Int) throws {
    let names = expectations.names.filter { $0.contains("/\(change)") }
    #expect(names.count == count)
    for name in names {
      let parts = name.split(separator: "/").map(String.init)
      let source = try image(parts[0])
      let amount = parts.count == 3 ? try #require(Double(parts[2])) : 0
      let result =
        switch change {
        case "brightness": source.brightened(by: amount)
        case "contrast": source.contrasted(by: amount)
        case "saturation": source.saturated(by: amount)
        case "hue": source.turnedHue(by: amount)
        default: source.mirrored()
        }
      #expect(try result == image(name), "\(name)")
    }
  }

  /// From the same draws torchvision makes the same parts.
  @Test func partsAreThoseOfTorchvision() throws {
    let rows = try expectations.tensor(named: "parts")
    #expect(rows.shape == [96, 32])
    for row in 0..<rows.shape[0] {
      let values = Array(rows.scalars[row * 32..<(row + 1) * 32])
      func range(_ first: Int) -> ClosedRange<Double> { Double(values[first])...Double(values[first + 1]) }
      let crop = RandomResizedCrop(width: 8, height: 8, scale: range(2), ratio: range(4))
      var (numbers, places) = (values[6..<26].map(Double.init), values[26..<28].map { Int($0) })
      let part = crop.part(
        width: Int(values[0]), height: Int(values[1]), number: { _ in numbers.removeFirst() },
        place: { _ in places.removeFirst() })
      // Of a single pixel torchvision may take none; here it is taken.
      let size = values[30...].map { max(1, Int($0)) }
      #expect(
        [part.left, part.top, part.width, part.height] == values[28..<30].map { Int($0) } + size,
        "row \(row): \(values)")
    }
  }

  @Test func aPartIsCutOutAndStretched() throws {
    let crop = RandomResizedCrop(width: 9, height: 16)
    let source = try image("37x23")
    var random = Random(seed: 2)
    var copy = random
    let part = crop.part(
      width: 37, height: 23, number: { copy.number(in: $0) }, place: { copy.nextInt(below: $0) })
    let expected = source.cropped(left: part.left, top: part.top, width: part.width, height: part.height)
    #expect(crop(source, random: &random) == expected.resized(width: 9, height: 16, filter: .bicubic))
  }

  /// Parts stay inside, are of allowed shape and size, and lie everywhere.
  @Test func partsAreAnywhere() {
    let crop = RandomResizedCrop(width: 8, height: 8, scale: 0.25...0.5)
    var random = Random(seed: 4)
    var (corners, area) = (Set<Int>(), 0.0)
    for _ in 0..<2000 {
      let part = crop.part(
        width: 40, height: 30, number: { random.number(in: $0) }, place: { random.nextInt(below: $0) })
      #expect(part.left >= 0 && part.top >= 0 && part.left + part.width <= 40 && part.top + part.height <= 30)
      area += Double(part.width * part.height) / 1200 / 2000
      if part.left == 0 { corners.insert(0) }
      if part.top == 0 { corners.insert(1) }
      if part.left + part.width == 40 { corners.insert(2) }
      if part.top + part.height == 30 { corners.insert(3) }
    }
    #expect(corners.count == 4)
    #expect(abs(area - 0.375) < 0.01)
  }

  /// A picture whose pixels say where they were.
  private var places: RGBImage {
    RGBImage(width: 12, height: 8, pixels: (0..<96).flatMap { [UInt8($0 % 12), UInt8($0 / 12), 7] })
  }

  @Test func cutsAreInTheMiddleOrAnywhere() {
    var random = Random(seed: 1)
    let center = ShortestSideCrop(side: 8, width: 6, height: 4, position: .center)
    #expect(center(places, random: &random) == places.cropped(left: 3, top: 2, width: 6, height: 4))
    let anywhere = ShortestSideCrop(side: 8, width: 6, height: 4)
    let corners = Set(
      (0..<500).map { _ in
        let part = anywhere(places, random: &random)
        #expect(
          part
            == places.cropped(left: Int(part.pixels[0]), top: Int(part.pixels[1]), width: 6, height: 4))
        return [part.pixels[0], part.pixels[1]]
      })
    #expect(corners.count == 7 * 5)
    let smaller = ShortestSideCrop(side: 4, width: 4, height: 4, position: .center)(places, random: &random)
    let whole = places.resized(width: 6, height: 4, filter: .bicubic)
    #expect(smaller == whole.cropped(left: 1, top: 0, width: 4, height: 4))
  }

  @Test func imagesAreFlippedAsOftenAsAsked() {
    var random = Random(seed: 3)
    for probability in [0, 0.3, 1] {
      let flip = HorizontalFlip(probability: probability)
      let count = (0..<1000).count { _ in flip(places, random: &random) != places }
      #expect(abs(Double(count) - 1000 * probability) < 50)
      if probability == 0 || probability == 1 { #expect(Double(count) == 1000 * probability) }
    }
  }

  /// Every factor is within its range, and the order of changes is not always the same.
  @Test func jitterStaysWithinItsAmounts() {
    let gray = RGBImage(width: 1, height: 1, pixels: [100, 100, 100])
    var random = Random(seed: 5)
    let values = (0..<500).map { _ in ColorJitter(brightness: 0.2)(gray, random: &random).pixels[0] }
    #expect(values.min()! >= 79 && values.min()! < 83 && values.max()! <= 120 && values.max()! > 117)
    // Without an amount nothing changes, not even by rounding.
    #expect(ColorJitter()(places, random: &random) == places)
    let results = Set((0..<200).map { ColorJitterOrder.of(seed: UInt64($0)) })
    #expect(results.count > 1)
  }

  /// Same seed, same picture: on any thread, and after a journey through JSON.
  @Test func seedsDecide() throws {
    let source = try image("40x40")
    let steps = [
      Augmentation(RandomResizedCrop(width: 20, height: 16)), Augmentation(HorizontalFlip()),
      Augmentation(ColorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1)),
    ]
    let decoded = try JSONDecoder().decode([Augmentation].self, from: JSONEncoder().encode(steps))
    #expect(decoded == steps)
    func result(_ steps: [Augmentation], _ seed: Int) -> RGBImage {
      var random = Random(seed: UInt64(seed))
      return steps(source, random: &random)
    }
    let expected = (0..<24).map { result(steps, $0) }
    #expect(Set(expected).count == 24)
    #expect(parallelMap(Array(0..<24), grain: 1) { result(decoded, $0) } == expected)
  }
}

/// Whether brightness came before contrast, told from the result.
private enum ColorJitterOrder {
  static func of(seed: UInt64) -> Bool {
    var (random, copy) = (Random(seed: seed), Random(seed: seed))
    let image = RGBImage(width: 2, height: 1, pixels: [10, 200, 90, 250, 30, 60])
    let jitter = ColorJitter(brightness: 0.5, contrast: 0.5)
    _ = copy.permutation(4)
    let brightness = 0.5 + copy.number(in: 0...1)
    let contrast = 0.5 + copy.number(in: 0...1)
    let result = jitter(image, random: &random)
    let first = image.brightened(by: brightness).contrasted(by: contrast)
    let second = image.contrasted(by: contrast).brightened(by: brightness)
    #expect(result == first || result == second)
    return result == first
  }
}

/// What stands in a file.
@Suite struct AugmentationFileTests {
  @Test func valuesThatAreLeftOutAreUsual() throws {
    let json = """
      [{"name": "squashResize", "width": 7, "height": 5},
       {"name": "shortestSideCrop", "side": 9, "width": 8, "height": 7, "position": "center"},
       {"name": "randomResizedCrop", "width": 224, "height": 192, "scale": [0.2, 1], "filter": "bilinear"},
       {"name": "horizontalFlip"}, {"name": "colorJitter", "hue": 0.1}]
      """
    let steps = try JSONDecoder().decode([Augmentation].self, from: Data(json.utf8))
    #expect(
      steps == [
        Augmentation(SquashResize(width: 7, height: 5)),
        Augmentation(ShortestSideCrop(side: 9, width: 8, height: 7, position: .center)),
        Augmentation(RandomResizedCrop(width: 224, height: 192, scale: 0.2...1, filter: .bilinear)),
        Augmentation(HorizontalFlip()), Augmentation(ColorJitter(hue: 0.1)),
      ])
  }

  @Test(arguments: [
    (#""flip""#, "augmentation: expected an object with a \"name\""),
    (#"{}"#, "augmentation: \"name\" is missing"),
    (#"{"name": 3}"#, "augmentation: \"name\" is not a text"),
    (#"{"name": "flip"}"#, "augmentation \"flip\" is none of squashResize, shortestSideCrop, "),
    (#"{"name": "squashResize", "width": 7}"#, "squashResize: \"height\" is missing"),
    (
      #"{"name": "squashResize", "width": 7.5, "height": 1}"#, "squashResize: \"width\" is not a whole number"
    ),
    (#"{"name": "squashResize", "width": 0, "height": 1}"#, "squashResize: a width of 0"),
    (
      #"{"name": "squashResize", "width": 7, "height": 1, "filter": "cubic"}"#,
      "squashResize: \"filter\" is not one of bilinear, bicubic, bilinearWithoutAntialiasing"
    ),
    (
      #"{"name": "shortestSideCrop", "side": 7, "width": 8, "height": 7}"#,
      "shortestSideCrop: a cut's width of 8"
    ),
    (
      #"{"name": "shortestSideCrop", "side": 7, "width": 7, "height": 7, "position": "left"}"#,
      "shortestSideCrop: \"position\" is not one of center, random"
    ),
    (
      #"{"name": "randomResizedCrop", "width": 8, "height": 7, "scale": [1, 0.5]}"#,
      "randomResizedCrop: \"scale\" is not a range [lowest, highest]"
    ),
    (
      #"{"name": "randomResizedCrop", "width": 8, "height": 7, "scale": [0, 0.5]}"#,
      "randomResizedCrop: a scale of 0.0...0.5, expected above 0 and at most 1"
    ),
    (
      #"{"name": "randomResizedCrop", "width": 8, "height": 7, "ratio": [0, 0.5]}"#,
      "randomResizedCrop: a ratio of 0.0...0.5, expected 0.01 to 100"
    ),
    (
      #"{"name": "horizontalFlip", "probability": 1.5}"#,
      "horizontalFlip: a probability of 1.5, expected 0 to 1"
    ),
    (#"{"name": "horizontalFlip", "p": 0.5}"#, "horizontalFlip: \"p\" is none of probability"),
    (#"{"name": "colorJitter", "hue": 0.6}"#, "colorJitter: a hue of 0.6, expected 0 to 0.5"),
    (#"{"name": "colorJitter", "contrast": -1}"#, "colorJitter: a contrast of -1.0, expected at least 0"),
    (#"{"name": "colorJitter", "contrast": "a"}"#, "colorJitter: \"contrast\" is not a number"),
  ]) func whatIsWrongIsSaid(_ json: String, sentence: String) {
    let error = #expect(throws: AugmentationError.self) {
      try JSONDecoder().decode([Augmentation].self, from: Data("[\(json)]".utf8))
    }
    #expect(error?.description.hasPrefix(sentence) == true, "\(error?.description ?? "")")
  }
}
