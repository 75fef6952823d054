import ArgumentParser
import CommandSupport
import Foundation
import SigLIPModel
import Tensor

/// Embeds the images of a folder once, so that they can be searched.
struct IndexFolder: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Embeds the images of a folder, to search them later.",
    discussion: """
      An index that is there already is brought up to date: images of the same size and time are kept, new and changed \
      ones embedded, vanished ones dropped. Ctrl-C ends after the current batch and keeps what is done; the same \
      command goes on from there. The index is always replaced in one step.

      Images that cannot be read are left out and named at the end; the exit status is then 2, and the index complete \
      but for them. Hidden files are no images, and symbolic links to folders are not followed.

      Examples:
        siglip index photos --model siglip-base-patch16-224 --output photos.index
        siglip search photos.index "a dog in the snow"
      """)

  @Argument(help: "The folder; folders in it count too.", completion: .directory)
  var folder: String
  @OptionGroup var model: ModelOptions
  @Option(help: "The index to write or to bring up to date.", completion: .file())
  var output: String
  @Flag(help: "Begin anew, whatever the index holds.")
  var rebuild = false

  /// Work that a crash may cost, in seconds.
  private static let saveInterval = 120.0

  func run() throws {
    try checkOutputFile(output, option: "--output")
    Interruption.watch()
    try FileLock.withLock(output + ".lock", of: output, index)
  }

  private func index() throws {
    let files = try ImageFiles(below: folder)
    let (folder, found) = (absolutePath(folder), files.entries)
    let model = try model.load()
    let probe = try model.embed(ImageIndex.probeImage)
    var index = ImageIndex(folder: folder, model: absolutePath(model.checkpoint.path), probe: probe)
    if !rebuild, FileManager.default.fileExists(atPath: output) {
      let old = try ImageIndex(path: output)
      if !old.isFrom(modelWithProbe: probe) {
        throw CommandError(
          "\(output) was made with another model, \(old.model), than \(model.checkpoint.path); --rebuild replaces it"
        )
      }
      if old.folder != folder {
        throw CommandError("\(output) is an index of \(old.folder), not of \(folder); --rebuild replaces it")
      }
      index.keep(found, of: old)
    }
    let kept = index.entries.count
    let known = Set(index.entries)
    let wanted = found.filter { !known.contains($0) }

    let failures = try files.failures + embed(wanted, into: &index, model)
    try index.write(to: output)
    ImageFiles.report(failures)
    try Interruption.check(
      "stopped: \(output) holds \(index.entries.count) of \(found.count) images; run the same command to go on"
    )
    try printLines(
      "\(output.shown): \(index.entries.count) images, \(index.entries.count - kept) of them embedded now")
    if !failures.isEmpty { throw filesLeftOut }
  }

  /// Adds images to the index until all are there or Ctrl-C is pressed; returns what went wrong with some.
  private func embed(
    _ wanted: [ImageIndex.Entry], into index: inout ImageIndex, _ model: EmbeddingModel
  ) throws -> [any Error] {
    let progress = Progress("indexing", total: wanted.count, unit: "images")
    var failures: [any Error] = []
    var waiting: (entries: [ImageIndex.Entry], embeddings: [Tensor]) = ([], [])
    var lastSaved = Date()
    for start in stride(from: 0, to: wanted.count, by: model.batchSize)
    where !Interruption.isRequested {
      let batch = wanted[start..<min(start + model.batchSize, wanted.count)]
      var images: [RGBImage] = []
      for (entry, image) in zip(batch, model.read(batch.map { index.folder + "/" + $0.path })) {
        switch image {
        case .success(let image):
          images.append(image)
          waiting.entries.append(entry)
        case .failure(let error): failures.append(error)
        }
      }
      if !images.isEmpty { waiting.embeddings.append(try model.embed(fitted: images)) }
      progress.advance(by: batch.count)
      if Date().timeIntervalSince(lastSaved) > IndexFolder.saveInterval {
        index.append(&waiting)
        try index.write(to: output)
        lastSaved = Date()
      }
    }
    index.append(&waiting)
    return failures
  }
}

extension ImageIndex {
  /// Takes over the embeddings of files that are still as they were.
  mutating func keep(_ found: [Entry], of old: ImageIndex) {
    let current = Set(found)
    let rows = old.entries.indices.filter { current.contains(old.entries[$0]) }
    entries = rows.map { old.entries[$0] }
    embeddings = old.embeddings.take(IndexTensor(rows), axis: 0)
  }

  /// Adds what waits, and lets it wait no longer.
  mutating func append(_ waiting: inout (entries: [Entry], embeddings: [Tensor])) {
    if waiting.entries.isEmpty { return }
    entries += waiting.entries
    embeddings = Tensor.concatenate([embeddings] + waiting.embeddings, axis: 0)
    waiting = ([], [])
  }
}

/// A path that means the same from any folder.
func absolutePath(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
