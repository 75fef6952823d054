import Foundation
import TestSupport
import Testing

import SigLIPModel

/// Images with a class in the place of a caption: folders and IDX files.
@Suite struct ClassSourceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func plain(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing thrown"
    } catch { return "\(error)".replacing(folder.path("x").dropLast(), with: "") }
  }

  // MARK: Folders

  private func add(_ file: String, _ pixels: [UInt8] = [1, 2, 3]) throws {
    let path = URL(filePath: folder.path(file))
    try FileManager.default.createDirectory(
      at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
    try RGBImage(width: 1, height: 1, pixels: pixels).writePPM(to: path.path)
  }

  @Test func foldersAreClasses() throws {
    for file in [
      "red_fox/b.ppm", "red_fox/A.PPM", "bear/x.ppm", ".hidden/x.ppm", "bear/.x.ppm", "bear/notes.txt",
    ] {
      try add(file)
    }
    try add("red_fox/c.ppm", [7, 8, 9])
    try add("top.ppm")
    let source = try ClassFolderSource(
      folder.path(""), templates: ["a photo of a {}", "{}, a {}"], names: ["bear": "brown bear"])
    #expect(source.classes == ["bear", "red_fox"])
    #expect(
      (0..<source.count).map(source.key) == ["bear/x.ppm", "red_fox/A.PPM", "red_fox/b.ppm", "red_fox/c.ppm"])
    #expect((0..<source.count).map(source.label) == [0, 1, 1, 1])
    #expect(
      source.captions(at: 0) == [Caption("a photo of a brown bear"), Caption("brown bear, a brown bear")])
    #expect(source.captions(at: 1).first == Caption("a photo of a red fox"))
    #expect(try source.image(at: 3).decoded().pixels == [7, 8, 9])
  }

  @Test func foldersWithoutImagesAreRefused() throws {
    #expect(plain { _ = try ClassFolderSource(folder.path("none")) }.hasPrefix("Cannot read none: "))
    try add("images/x.ppm")
    #expect(plain { _ = try ClassFolderSource(folder.path("images")) } == "images has no folders of classes.")
    try add("classes/a/x.txt")
    #expect(plain { _ = try ClassFolderSource(folder.path("classes")) } == "classes/a has no images.")
    #expect(
      plain { _ = try ClassFolderSource(folder.path(""), templates: ["a photo"]) }
        == "the caption template \"a photo\" has no {} for the name of the class")
    #expect(
      plain { _ = try ClassFolderSource(folder.path(""), templates: []) } == "there are no caption templates")
  }

  // MARK: IDX

  private static let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40]
  private static let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 2, 1, 0]
  /// `labels` as Python's gzip.compress(..., mtime=0) has them.
  private static let packedLabels: [UInt8] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 99, 96, 224, 96, 100, 96, 96, 96, 98, 100, 0, 0, 88, 157, 135, 140, 10,
    0, 0, 0,
  ]

  private func source(_ images: [UInt8] = Self.images, _ labels: [UInt8] = Self.labels) throws -> IDXSource {
    try IDXSource(
      images: folder.write(images, to: "images"), labels: folder.write(labels, to: "labels"),
      classes: ["coat", "bag"])
  }

  @Test(arguments: [ClassSourceTests.labels, ClassSourceTests.packedLabels])
  func arraysAreImagesWithLabels(_ labels: [UInt8]) throws {
    let source = try source(Self.images, labels)
    #expect(source.count == 2)
    #expect(source.key(at: 1) == "1" && source.label(at: 0) == 1)
    #expect(source.captions(at: 0) == [Caption("a photo of a bag")])
    #expect(
      try source.image(at: 1).decoded() == RGBImage(width: 2, height: 1, pixels: [30, 30, 30, 40, 40, 40]))
  }

  @Test func coloursAreKept() throws {
    let images: [UInt8] = [
      0, 0, 8, 4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6,
    ]
    #expect(try source(images).image(at: 1).decoded().pixels == [4, 5, 6])
  }

  @Test func damagedArraysAreRefused() throws {
    for count in 0..<Self.images.count {
      #expect(throws: FileError.self, "\(count)") { try IDXFile(Array(Self.images.prefix(count)), name: "x") }
    }
    for count in 0..<Self.packedLabels.count {
      #expect(throws: FileError.self, "\(count)") {
        try IDXFile(Array(Self.packedLabels.prefix(count)), name: "x")
      }
    }
    let huge: [UInt8] = [0, 0, 8, 4] + Array(repeating: 0xFF, count: 16) + [1]
    #expect(throws: FileError.self) { try IDXFile(huge, name: "x") }
    #expect(
      plain { _ = try IDXFile([0, 0, 13, 1, 0, 0, 0, 0], name: "x") }
        == "x: its elements have type 13, expected 8, bytes.")
    #expect(
      plain { _ = try IDXFile(Self.images + [1], name: "x") }
        == "x is damaged: 5 bytes behind the header, expected 4 for 2 x 1 x 2.")
    #expect(
      plain { _ = try source(Self.images, [0, 0, 8, 1, 0, 0, 0, 2, 1, 2]) }
        == "labels is damaged: label 2 at 1, expected one of 2 classes.")
    #expect(
      plain { _ = try source(Self.images, [0, 0, 8, 1, 0, 0, 0, 1, 1]) }
        == "labels is damaged: 1 labels for the 2 images of images.")
    #expect(plain { _ = try source(Self.labels) }.hasPrefix("images: its shape is [2], expected [count"))
  }
}
