import Foundation
import Tensor

/// Captions made of the name of a class, one for each template.
struct CaptionTemplates: Sendable {
  private let templates: [String]

  /// Templates with `{}` where the name stands.
  ///
  /// - Throws: ``CaptionTemplateError``.
  init(_ templates: [String]) throws {
    if templates.isEmpty { throw CaptionTemplateError(template: nil) }
    for template in templates where !template.contains("{}") {
      throw CaptionTemplateError(template: template)
    }
    self.templates = templates
  }

  func captions(of name: String) -> [Caption] { templates.map { Caption($0.replacing("{}", with: name)) } }
}

/// A template says nothing of the class.
public struct CaptionTemplateError: DataError {
  /// The template; nil if there is none at all.
  public let template: String?

  /// The template and what it lacks.
  public var sentence: String {
    template.map { "the caption template \"\($0)\" has no {} for the name of the class" }
      ?? "there are no caption templates"
  }
}

/// Images in a folder for each class, as ImageNet has them, with captions by templates.
///
///     let source = try ClassFolderSource("animals", templates: ["a photo of a {}", "a {}"])  // animals/red_fox/1.jpg, ...
///
/// Classes and their images are in the order of their names' bytes. Files with other endings than those of JPEG, PNG and PPM
/// and hidden ones are no images.
public struct ClassFolderSource: ImageTextSource {
  /// The names of the folders.
  public let classes: [String]
  /// What they are called in captions.
  public let classNames: [String]
  private let folder: String
  private let images: [(label: Int, name: String)]
  private let captions: [[Caption]]

  /// Lists a folder of folders.
  ///
  /// - Parameters:
  ///   - templates: Captions with `{}` in the place of the class.
  ///   - names: What classes are called in captions, by their folders; otherwise that is the folder's name with spaces for
  ///     underscores.
  /// - Throws: ``FileError`` when there are no classes or one has no images; ``CaptionTemplateError``.
  public init(
    _ folder: String, templates: [String] = ["a photo of a {}"], names: [String: String] = [:]
  ) throws {
    let templates = try CaptionTemplates(templates)
    let classes = try ClassFolderSource.names(in: folder).filter { name in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: folder + "/" + name, isDirectory: &isFolder)
        && isFolder.boolValue
    }
    if classes.isEmpty { throw FileError(.missing, folder, "folders of classes") }
    images = try classes.enumerated().flatMap { label, name in
      let files = try ClassFolderSource.names(in: folder + "/" + name).filter(RGBImage.isImageName)
      if files.isEmpty { throw FileError(.missing, folder + "/" + name, "images") }
      return files.map { (label, $0) }
    }
    classNames = classes.map { names[$0] ?? $0.replacing("_", with: " ") }
    captions = classNames.map(templates.captions)
    (self.folder, self.classes) = (folder, classes)
  }

  /// What is in a folder and not hidden, in the order of the names' bytes.
  private static func names(in folder: String) throws -> [String] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw FileError(.unreadable, folder, "it is no folder that can be listed")
    }
    return names.filter { !$0.hasPrefix(".") }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// How many images all classes have.
  public var count: Int { images.count }

  /// The number of a sample's class among ``classes``.
  public func label(at index: Int) -> Int {
    check(index)
    return images[index].label
  }

  /// The path of the image in the folder.
  public func key(at index: Int) -> String {
    check(index)
    return classes[images[index].label] + "/" + images[index].name
  }

  /// The image's file.
  ///
  /// - Throws: ``FileError``.
  public func image(at index: Int) throws -> SampleImage { try .file(folder + "/" + key(at: index)) }

  /// A caption for each template.
  public func captions(at index: Int) -> [Caption] { captions[label(at: index)] }
}
