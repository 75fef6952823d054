/// Changes to a file as its format, which its name tells, suggests.
enum Formats {
  static func mutate(_ bytes: inout [UInt8], of name: String, _ dice: inout Dice, donor: [UInt8]) {
    if dice.once(in: 12) {
      for _ in 0..<dice.few() { Bytes.mutate(&bytes, &dice, donor: donor) }
      return
    }
    switch name.split(separator: ".").last {
    case "safetensors": SafetensorsParts.mutate(&bytes, &dice, donor: donor)
    case "json": JSONTree.mutate(&bytes, &dice, donor: donor)
    case "npy": NumPyParts.mutate(&bytes, &dice, donor: donor)
    case "npz", "pt": ZipParts.mutate(arrays: &bytes, &dice, donor: donor)
    // Pieces, trainer, normalizer, denormalizer.
    case "model": MessageParts.mutate(&bytes, &dice, messages: [1, 2, 3, 5], donor: donor)
    case "txt": Lines.mutate(&bytes, &dice, separator: " ", donor: donor)
    case "tsv": Lines.mutate(&bytes, &dice, separator: "\t", donor: donor)
    case "png": PNGParts.mutate(&bytes, &dice, donor: donor)
    case "jpg": JPEGParts.mutate(&bytes, &dice, donor: donor)
    case "ppm", "pgm": PixmapParts.mutate(&bytes, &dice, donor: donor)
    case "gz": GzipParts.mutate(&bytes, of: String(name.dropLast(3)), &dice, donor: donor)
    case "tar": TarParts.mutate(&bytes, &dice, donor: donor)
    default: Bytes.mutate(&bytes, &dice, donor: donor)
    }
    if dice.once(in: 12) { Bytes.mutate(&bytes, &dice, donor: donor) }
  }
}
