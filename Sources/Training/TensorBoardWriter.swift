import Foundation
import Optim

/// Event files that TensorBoard reads: records with a length and checksums around messages of protocol buffers
/// (tensorboard/compat/proto/event.proto, summary.proto; tensorflow/core/lib/io/record_writer).
public struct TensorBoardWriter: MetricsWriter {
  private var file: AppendOnlyFile
  private let now: () -> Date

  /// A new file in a folder, by TensorBoard's rule for names, which reads all files of a folder as one run. One run goes on
  /// in a file of its own; of steps that are made again TensorBoard shows the newer.
  ///
  /// - Parameter now: What time it is, which stands in every record.
  /// - Throws: ``FileError``.
  public init(folder: URL, now: @escaping () -> Date = { Date() }) throws {
    self.now = now
    try makeFolder(folder)
    let seconds = Int(now().timeIntervalSince1970)
    let name =
      "events.out.tfevents.\(seconds).\(ProcessInfo.processInfo.hostName).\(UUID().uuidString.prefix(8))"
    file = try AppendOnlyFile(path: folder.appending(path: name).path, keeping: Data())
    var version = ProtocolBuffer()
    version.add(3, "brain.Event:2")
    try append(version, step: 0)
  }

  /// The file.
  public var path: String { file.path }

  /// Adds each number as a scalar.
  public mutating func write(_ metrics: StepMetrics) throws {
    var summary = ProtocolBuffer()
    let numbers = metrics.numbers.merging(metrics.measurements) { course, _ in course }
    for (name, number) in numbers.sorted(by: { $0.key < $1.key }) {
      var value = ProtocolBuffer()
      value.add(1, name)
      value.add(2, Float(number))
      summary.add(1, value)
    }
    try append(summary: summary, step: metrics.step)
  }

  /// Adds a picture in the bytes of a PNG file.
  public mutating func write(png: Data, width: Int, height: Int, tag: String, step: Int) throws {
    var image = ProtocolBuffer()
    image.add(1, height)
    image.add(2, width)
    image.add(3, 3)
    image.add(4, png)
    var value = ProtocolBuffer()
    value.add(1, tag)
    value.add(4, image)
    var summary = ProtocolBuffer()
    summary.add(1, value)
    try append(summary: summary, step: step)
  }

  /// Adds a text, which TensorBoard shows as Markdown.
  public mutating func write(text: String, tag: String, step: Int) throws {
    var size = ProtocolBuffer()
    size.add(1, 1)
    var shape = ProtocolBuffer()
    shape.add(2, size)
    var tensor = ProtocolBuffer()
    // DT_STRING.
    tensor.add(1, 7)
    tensor.add(2, shape)
    tensor.add(8, text)
    var plugin = ProtocolBuffer()
    plugin.add(1, "text")
    var metadata = ProtocolBuffer()
    metadata.add(1, plugin)
    var value = ProtocolBuffer()
    value.add(1, tag + "/text_summary")
    value.add(8, tensor)
    value.add(9, metadata)
    var summary = ProtocolBuffer()
    summary.add(1, value)
    try append(summary: summary, step: step)
  }

  /// Waits until the disk has every event.
  public mutating func flush() throws { try file.synchronize() }

  private mutating func append(summary: ProtocolBuffer, step: Int) throws {
    var event = ProtocolBuffer()
    event.add(5, summary)
    try append(event, step: step)
  }

  private mutating func append(_ message: ProtocolBuffer, step: Int) throws {
    var event = ProtocolBuffer()
    event.add(1, now().timeIntervalSince1970)
    // As protocol buffers have it, what is 0 is not written.
    if step != 0 { event.add(2, step) }
    event.bytes += message.bytes
    try file.append(TensorBoardWriter.record(event.bytes))
  }

  /// Length, its checksum, the message, its checksum.
  static func record(_ message: Data) -> Data {
    func littleEndian(_ number: some FixedWidthInteger) -> Data {
      withUnsafeBytes(of: number.littleEndian) { Data($0) }
    }
    let count = littleEndian(UInt64(message.count))
    return count + littleEndian(maskedChecksum(count)) + message + littleEndian(maskedChecksum(message))
  }

  /// CRC-32C (Castagnoli 1993), turned by 15 bits so that checksums of data that hold checksums stay good.
  static func maskedChecksum(_ data: Data) -> UInt32 {
    var sum = UInt32.max
    for byte in data {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0x82f6_3b78 : 0) }
    }
    sum = ~sum
    return (sum >> 15 | sum << 17) &+ 0xa282_ead8
  }
}

/// A message of protocol buffers in the making.
struct ProtocolBuffer {
  var bytes = Data()

  private mutating func add(varint: UInt64) {
    var rest = varint
    while rest >= 128 {
      bytes.append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func add(field: Int, type: UInt64) { add(varint: UInt64(field) << 3 | type) }

  mutating func add(_ field: Int, _ value: Int) {
    add(field: field, type: 0)
    add(varint: UInt64(bitPattern: Int64(value)))
  }

  mutating func add(_ field: Int, _ value: Double) {
    add(field: field, type: 1)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { Data($0) }
  }

  mutating func add(_ field: Int, _ value: Float) {
    add(field: field, type: 5)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { Data($0) }
  }

  mutating func add(_ field: Int, _ value: Data) {
    add(field: field, type: 2)
    add(varint: UInt64(value.count))
    bytes += value
  }

  mutating func add(_ field: Int, _ value: String) { add(field, Data(value.utf8)) }
  mutating func add(_ field: Int, _ value: ProtocolBuffer) { add(field, value.bytes) }
}
