import Foundation
import Tensor

/// An array of bytes in an IDX file, the format of MNIST and Fashion-MNIST, plain or compressed with gzip.
public struct IDXFile: Sendable {
  /// The size of each axis.
  public let shape: [Int]
  /// The elements, row by row.
  public let bytes: [UInt8]

  /// Files, and what they hold, have at most so many bytes.
  private static let maximumBytes = 1 << 31

  /// Reads a file.
  ///
  /// - Throws: ``FileError``.
  public init(_ path: String) throws {
    try self.init(readFile(path, maximumBytes: Self.maximumBytes), name: path)
  }

  /// Reads the bytes of a file; `name` stands in errors.
  ///
  /// - Throws: ``FileError``.
  public init(_ file: [UInt8], name: String) throws {
    func damaged(_ problem: String) -> FileError { FileError(.malformed, name, problem) }
    let file = Gzip.isGzip(file) ? try IDXFile.unpacked(file, name) : file
    guard file.count >= 4, file[0] == 0, file[1] == 0, file[3] > 0 else {
      throw damaged("it is not an IDX file")
    }
    if file[2] != 8 {
      throw FileError(.unsupported, name, "its elements have type \(file[2])", expected: "8, bytes")
    }
    let start = 4 + 4 * Int(file[3])
    if file.count < start { throw damaged("it ends in its header") }
    shape = stride(from: 4, to: start, by: 4).map { place in
      file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    var count = 1
    for size in shape {
      let (product, overflows) = count.multipliedReportingOverflow(by: size)
      count = overflows ? .max : product
    }
    if count != file.count - start {
      throw damaged(
        "\(file.count - start) bytes behind the header, expected \(count) for \(shape.map(String.init).joined(separator: " x "))"
      )
    }
    bytes = Array(file[start...])
  }

  private static func unpacked(_ file: [UInt8], _ name: String) throws -> [UInt8] {
    do { return try Gzip.decompress(file) } catch { throw FileError(.malformed, name, error.description) }
  }
}

/// Images and labels of IDX files, as MNIST and Fashion-MNIST have them, with captions by templates.
public struct IDXSource: ImageTextSource {
  /// What the labels mean.
  public let classes: [String]
  private let images: IDXFile
  private let labels: [UInt8]
  private let captions: [[Caption]]

  /// Opens a file of images, `[count, height, width]` of gray or `[count, height, width, 3]`, and one of labels.
  ///
  /// - Throws: ``FileError``; ``CaptionTemplateError``.
  public init(
    images imagesPath: String, labels labelsPath: String, classes: [String],
    templates: [String] = ["a photo of a {}"]
  ) throws {
    let templates = try CaptionTemplates(templates)
    (images, labels) = (try IDXFile(imagesPath), try IDXFile(labelsPath).bytes)
    let shape = images.shape
    guard shape.count == 3 || shape.count == 4 && shape[3] == 3, !shape.contains(0) else {
      throw FileError(
        .unsupported, imagesPath, "its shape is \(shape)",
        expected: "[count, height, width] or [count, height, width, 3]")
    }
    if labels.count != shape[0] {
      throw FileError(
        .malformed, labelsPath, "\(labels.count) labels for the \(shape[0]) images of \(imagesPath)")
    }
    if let place = labels.firstIndex(where: { $0 >= classes.count }) {
      throw FileError(
        .malformed, labelsPath, "label \(labels[place]) at \(place), expected one of \(classes.count) classes"
      )
    }
    self.classes = classes
    captions = classes.map(templates.captions)
  }

  /// How many images there are.
  public var count: Int { labels.count }

  /// The number of a sample's class among ``classes``.
  public func label(at index: Int) -> Int {
    check(index)
    return Int(labels[index])
  }

  /// The number of the image.
  public func key(at index: Int) -> String {
    check(index)
    return String(index)
  }

  /// The image; gray ones have three equal components.
  public func image(at index: Int) -> SampleImage {
    check(index)
    let (height, width, channels) = (images.shape[1], images.shape[2], images.shape.count == 4 ? 3 : 1)
    let size = height * width * channels
    let part = images.bytes[index * size..<(index + 1) * size]
    let pixels = channels == 3 ? Array(part) : part.flatMap { [$0, $0, $0] }
    return .pixels(RGBImage(width: width, height: height, pixels: pixels))
  }

  /// A caption for each template.
  public func captions(at index: Int) -> [Caption] { captions[label(at: index)] }
}
