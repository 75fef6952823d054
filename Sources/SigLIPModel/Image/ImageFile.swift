import Foundation
import Tensor

/// An opaque colour of 8-bit red, green and blue.
public struct RGBColor: Sendable, Hashable {
  /// Its components.
  public var red, green, blue: UInt8

  /// 255, 255, 255.
  public static let white = RGBColor(red: 255, green: 255, blue: 255)

  /// A colour of three components.
  public init(red: UInt8, green: UInt8, blue: UInt8) {
    (self.red, self.green, self.blue) = (red, green, blue)
  }
}

/// What becomes of pixels that can be seen through.
public enum Transparency: Sendable, Hashable {
  /// They are laid over a colour.
  case over(RGBColor)
  /// Their own colour stays and alpha is forgotten: Pillow's `convert("RGB")`, and so the Python processors.
  case dropped
}

/// How image files are read.
public struct ImageReadingOptions: Sendable, Hashable {
  /// Files that declare more pixels are refused before memory is taken for them.
  public var maximumPixels: Int
  /// What becomes of pixels that can be seen through.
  public var transparency: Transparency
  /// Whether the image is turned as its Exif orientation says.
  public var appliesOrientation: Bool

  /// Options; the limit is the one at which Pillow gives an error.
  public init(
    maximumPixels: Int = 178_956_970, transparency: Transparency = .over(.white),
    appliesOrientation: Bool = true
  ) {
    self.maximumPixels = maximumPixels
    self.transparency = transparency
    self.appliesOrientation = appliesOrientation
  }

  /// No file of so many pixels needs more, whatever the format: six bytes for each, and a header.
  var maximumBytes: Int { 6 * min(maximumPixels, 1 << 50) + 1 << 20 }
}

extension RGBImage {
  /// Reads a PPM or PGM file, and JPEG and PNG files with the package trait `ImageCodecs`.
  ///
  /// Pixels are those of Pillow's `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`, but for
  /// transparency (see ``ImageReadingOptions``), 16-bit gray PNGs (here the upper eight bits, there clipped) and
  /// JPEGs with damaged data (here an error, there gray areas).
  ///
  /// - Throws: ``FileError``.
  public init(contentsOf file: String, options: ImageReadingOptions = ImageReadingOptions()) throws {
    try self.init(contentsOf: file, options: options) { _ in }
  }

  /// - Parameter willDecode: Called with the number of pixels before memory is taken for them.
  init(contentsOf file: String, options: ImageReadingOptions, willDecode: @escaping (Int) -> Void) throws {
    try self.init(
      decoding: readFile(file, maximumBytes: options.maximumBytes), name: file, options: options,
      willDecode: willDecode)
  }

  /// Decodes the bytes of an image file; `name` stands in errors.
  ///
  /// - Throws: ``FileError``.
  public init(
    decoding bytes: [UInt8], name: String, options: ImageReadingOptions = ImageReadingOptions()
  ) throws {
    try self.init(decoding: bytes, name: name, options: options) { _ in }
  }

  private init(
    decoding bytes: [UInt8], name: String, options: ImageReadingOptions, willDecode: @escaping (Int) -> Void
  ) throws {
    let decoder = ImageDecoder(bytes: bytes, name: name, options: options, willDecode: willDecode)
    let format = ImageFormat(of: bytes)
    switch format {
    case .portablePixmap:
      self = try decoder.portablePixmap()
    #if ImageCodecs
      case .jpeg:
        let image = try decoder.jpeg()
        self = options.appliesOrientation ? image.oriented(Exif.orientation(ofJPEG: bytes)) : image
      case .png:
        let image = try decoder.png()
        self = options.appliesOrientation ? image.oriented(Exif.orientation(ofPNG: bytes)) : image
    #else
      case .jpeg, .png:
        throw FileError(
          .unsupported, name,
          "it is a \(format == .png ? "PNG" : "JPEG") file, which this build cannot read",
          advice: "build with `--traits ImageCodecs` (needs libjpeg and libpng), or convert it to PPM")
    #endif
    case nil: throw FileError(.unsupported, name, "it is not an image", expected: "a JPEG, PNG or PPM file")
    }
  }

  /// Endings of image files' names, in small letters, readable by this build or not.
  public static let fileExtensions: Set<String> = readableExtensions.union(["jpg", "jpeg", "png"])

  /// Whether a file's name has one of the ``fileExtensions``.
  public static func isImageName(_ path: String) -> Bool {
    guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return false }
    return fileExtensions.contains(path[dot...].dropFirst().lowercased())
  }

  /// The formats this build reads, by the endings of their files' names.
  public static var readableExtensions: Set<String> {
    #if ImageCodecs
      return ["ppm", "pgm", "pnm", "jpg", "jpeg", "jpe", "jfif", "png"]
    #else
      return ["ppm", "pgm", "pnm"]
    #endif
  }
}

/// The format of an image file, by its first bytes.
enum ImageFormat {
  case portablePixmap, jpeg, png

  init?(of bytes: [UInt8]) {
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if bytes.starts(with: Array("P5".utf8)) || bytes.starts(with: Array("P6".utf8)) {
      self = .portablePixmap
    } else {
      return nil
    }
  }
}

/// The bytes of a file on their way to an image; one extension for each format.
struct ImageDecoder {
  let bytes: [UInt8]
  let name: String
  let options: ImageReadingOptions
  /// Called with the number of pixels before memory is taken for them.
  let willDecode: (Int) -> Void

  /// The number of pixels that a header declares, if allowed.
  func pixelCount(width: Int, height: Int) throws -> Int {
    if width < 1 || height < 1 { throw damaged("\(width) x \(height) pixels") }
    let (count, overflows) = width.multipliedReportingOverflow(by: height)
    if overflows || count > options.maximumPixels {
      throw FileError(
        .unsupported, name, "it declares \(width) x \(height) pixels",
        expected: "at most \(options.maximumPixels)")
    }
    willDecode(count)
    return count
  }

  func damaged(_ problem: String) -> FileError { FileError(.malformed, name, problem) }
}
