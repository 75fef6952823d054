import Tensor

/// What keeps an image file from being decoded; its description is a sentence that begins with the file.
public enum ImageError: DataError, Hashable {
  /// The first bytes belong to no format that is read here.
  case unknownFormat(file: String)
  /// A JPEG or PNG file, and the package was built without the trait `ImageCodecs`.
  case codecsNotBuilt(file: String, format: String)
  /// The header declares more pixels than allowed.
  case tooLarge(file: String, width: Int, height: Int, maximumPixels: Int)
  /// The file ends early or breaks its format's rules.
  case damaged(file: String, problem: String)

  /// What was found and what was expected, and in which file.
  public var sentence: String {
    switch self {
    case .unknownFormat(let file):
      "\(file) is not an image: expected a JPEG, PNG or PPM file."
    case .codecsNotBuilt(let file, let format):
      "\(file) is a \(format) file, which this build cannot read: "
        + "build with `--traits ImageCodecs` (needs libjpeg and libpng), or convert it to PPM."
    case .tooLarge(let file, let width, let height, let maximum):
      "\(file) declares \(width) x \(height) pixels, more than the \(maximum) allowed."
    case .damaged(let file, let problem):
      "\(file) is damaged: \(problem)."
    }
  }
}
