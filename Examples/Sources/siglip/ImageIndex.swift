import Foundation
import SigLIPModel
import Tensor

/// The embeddings of a folder's images, as `siglip index` keeps them: one safetensors file.
struct ImageIndex {
  /// An image file, and by what a change of it is noticed.
  struct Entry: Hashable {
    /// Relative to the folder.
    var path: String
    /// Bytes.
    var size: Int
    /// Nanoseconds since 1970.
    var modified: Int

    /// By bytes: a name may be there twice, in both ways of writing an accent, which to strings are the same.
    static func == (one: Entry, other: Entry) -> Bool {
      one.size == other.size && one.modified == other.modified && one.path.utf8.elementsEqual(other.path.utf8)
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(size)
      hasher.combine(modified)
    }
  }

  /// The folder, as an absolute path.
  var folder: String
  /// The checkpoint, as an absolute path.
  var model: String
  /// The model's embedding of ``probeImage``, `[1, width]`: another model gives another.
  var probe: Tensor
  var entries: [Entry] = []
  /// `[entries, width]`, each of length 1.
  var embeddings: Tensor

  /// An index of nothing.
  init(folder: String, model: String, probe: Tensor) {
    self.folder = folder
    self.model = model
    self.probe = probe
    embeddings = Tensor.zeros([0, probe.shape[1]])
  }

  /// Any image will do that no two models see alike.
  static let probeImage = RGBImage(
    width: 64, height: 48, pixels: (0..<(64 * 48 * 3)).map { UInt8(truncatingIfNeeded: $0 * $0 >> 6) })

  /// Whether a model's embedding of the probe is this index's, but for what another processor rounds differently.
  func isFrom(modelWithProbe other: Tensor) -> Bool {
    other.shape == probe.shape && other.isApproximatelyEqual(to: probe, absolute: 1e-3, relative: 0)
  }

  /// Images in the order of their similarity to an embedding `[1, width]`, the best first.
  func nearest(to query: Tensor, count: Int) -> [(entry: Entry, similarity: Float)] {
    let similarities = matmul(embeddings, query[0])
    let (values, indices) = similarities.topK(min(count, entries.count))
    return zip(indices.values, values.scalars).map { (entries[Int($0)], $1) }
  }
}

// MARK: - The file

extension ImageIndex {
  private static let format = "siglip image index 1"

  /// Reads an index.
  init(path: String) throws {
    let file = try SafetensorsFile(path)
    guard file.metadata["format"] == ImageIndex.format, let folder = file.metadata["folder"],
      let model = file.metadata["model"]
    else { throw CommandError("\(path) is not an index that siglip index wrote") }
    self.folder = folder
    self.model = model
    probe = try file.tensor(named: "probe")
    embeddings = try file.tensor(named: "embeddings")
    guard let entries = ImageIndex.entries(from: try file.bytes(named: "entries")), probe.rank == 2,
      probe.shape[0] == 1, embeddings.shape == [entries.count, probe.shape[1]],
      Set(entries).count == entries.count, probe.isFinite, embeddings.isFinite
    else {
      throw CommandError("\(path) is damaged: its parts contradict one another; remove it and index anew")
    }
    self.entries = entries
  }

  /// Writes the index in one step.
  func write(to path: String) throws {
    var writer = SafetensorsWriter(metadata: ["format": ImageIndex.format, "folder": folder, "model": model])
    writer.add(embeddings, named: "embeddings")
    writer.add(probe, named: "probe")
    let bytes = Array(entries.map { "\($0.size) \($0.modified) \($0.path)\0" }.joined().utf8)
    writer.add(bytes: bytes, shape: [bytes.count], named: "entries")
    try writer.write(to: path)
  }

  /// Size, time and path of each entry, ended by a zero, which no path contains.
  private static func entries(from bytes: [UInt8]) -> [Entry]? {
    var result: [Entry] = []
    for record in bytes.split(separator: 0) {
      let fields = record.split(separator: UInt8(ascii: " "), maxSplits: 2)
      guard fields.count == 3, let size = Int(String(decoding: fields[0], as: UTF8.self)),
        let modified = Int(String(decoding: fields[1], as: UTF8.self))
      else { return nil }
      guard let path = String(validating: fields[2], as: UTF8.self) else { return nil }
      result.append(Entry(path: path, size: size, modified: modified))
    }
    return result
  }
}

extension ImageIndex.Entry {
  /// A file as the system describes it.
  init(path: String, _ status: stat) {
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    // A time after 2262 wraps around: it tells changes as well as any other.
    self.init(
      path: path, size: Int(status.st_size), modified: Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec))
  }
}
