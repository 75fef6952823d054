/// Texts of lines and columns: vocabularies and tables.
enum Lines {
  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice, separator: String, donor: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return Bytes.mutate(&bytes, &dice, donor: donor)
    }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for _ in 0..<dice.few() where !lines.isEmpty {
      // The first lines say what the others are.
      let place = dice.once(in: 3) ? dice.below(min(2, lines.count)) : dice.below(lines.count)
      var columns = lines[place].components(separatedBy: separator)
      let column = dice.below(columns.count)
      switch dice.below(10) {
      case 0: lines.remove(at: place)
      case 1: lines.insert(lines[dice.below(lines.count)], at: place)
      case 2: lines.swapAt(place, dice.below(lines.count))
      case 3: lines.insert(dice.pick(Values.texts), at: place)
      case 4: lines.removeSubrange(place...)
      default:
        switch dice.below(5) {
        case 0: columns.remove(at: column)
        case 1: columns.insert(columns[column], at: column)
        case 2: columns.swapAt(column, dice.below(columns.count))
        case 3: columns[column] = dice.pick(Values.tokens)
        default: columns[column] = Values.edited(columns[column], &dice)
        }
        lines[place] = columns.joined(separator: separator)
      }
    }
    bytes = Array(lines.joined(separator: dice.once(in: 12) ? "\r\n" : "\n").utf8)
  }
}

extension String {
  fileprivate func components(separatedBy separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}
