import Foundation

extension ZipArchive {
  /// What fields of 32 bits hold when the number is in a 64-bit field elsewhere.
  private static let elsewhere = 0xFFFF_FFFF

  /// Writes files, uncompressed, atomically. The same files give the same bytes; sizes and places from 4 GiB on are written
  /// as 64-bit fields.
  ///
  /// - Parameter files: Contents are asked for one after another and let go of.
  static func write(_ files: [(name: String, contents: () throws -> Data)], to path: String) throws {
    try writeAtomically(path) { append in
      var directory = Data()
      var offset = 0
      for file in files {
        let contents = try file.contents()
        let name = Data(file.name.utf8)
        let sum = checksum(contents)
        let local =
          header(localSignature, name, sum, count: contents.count, offset: nil) + name
          + wideFields(count: contents.count, offset: nil)
        try append(local)
        try append(contents)
        directory += header(centralSignature, name, sum, count: contents.count, offset: offset)
        directory += name + wideFields(count: contents.count, offset: offset)
        offset += local.count + contents.count
      }
      try append(directory + end(files: files.count, directory: directory.count, offset: offset))
    }
  }

  /// The fields that an entry has before its name, in front of its contents (no offset) or in the directory.
  private static func header(
    _ signature: Int, _ name: Data, _ sum: UInt32, count: Int, offset: Int?
  ) -> Data {
    let wide = wideFields(count: count, offset: offset).count
    var data = Data()
    data.append(littleEndian: signature, bytes: 4)
    if offset != nil { data.append(littleEndian: 45, bytes: 2) }
    // Version 2.0 or 4.5 to read it, flag for UTF-8 names, stored, 1980-01-01.
    data.append(Data([wide > 0 ? 45 : 20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0]))
    data.append(littleEndian: Int(sum), bytes: 4)
    data.append(littleEndian: min(count, elsewhere), bytes: 4)
    data.append(littleEndian: min(count, elsewhere), bytes: 4)
    data.append(littleEndian: name.count, bytes: 2)
    data.append(littleEndian: wide, bytes: 2)
    if let offset {
      data.append(Data(count: 10))
      data.append(littleEndian: min(offset, elsewhere), bytes: 4)
    }
    return data
  }

  /// The extra field of numbers that 32 bits do not hold; empty when there are none.
  private static func wideFields(count: Int, offset: Int?) -> Data {
    let wide = (count >= elsewhere ? [count, count] : []) + [offset ?? 0].filter { $0 >= elsewhere }
    if wide.isEmpty { return Data() }
    var data = Data([1, 0])
    data.append(littleEndian: 8 * wide.count, bytes: 2)
    for number in wide { data.append(littleEndian: number, bytes: 8) }
    return data
  }

  /// What follows the directory.
  private static func end(files: Int, directory: Int, offset: Int) -> Data {
    var data = Data()
    if offset >= elsewhere || files >= 0xFFFF {
      data.append(littleEndian: end64Signature, bytes: 4)
      data.append(littleEndian: 44, bytes: 8)
      data.append(Data([45, 0, 45, 0]) + Data(count: 8))
      for number in [files, files, directory, offset] { data.append(littleEndian: number, bytes: 8) }
      data.append(littleEndian: locator64Signature, bytes: 4)
      data.append(Data(count: 4))
      data.append(littleEndian: offset + directory, bytes: 8)
      data.append(littleEndian: 1, bytes: 4)
    }
    data.append(littleEndian: endSignature, bytes: 4)
    data.append(Data(count: 4))
    data.append(littleEndian: min(files, 0xFFFF), bytes: 2)
    data.append(littleEndian: min(files, 0xFFFF), bytes: 2)
    data.append(littleEndian: directory, bytes: 4)
    data.append(littleEndian: min(offset, elsewhere), bytes: 4)
    data.append(Data(count: 2))
    return data
  }
}
