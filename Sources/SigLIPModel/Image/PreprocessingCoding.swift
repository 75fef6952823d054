import NN

extension ImagePreprocessing: Codable {
  private enum CodingKeys: CodingKey, CaseIterable { case geometry, filter, normalization }

  /// Decodes a preprocessing.
  ///
  /// - Throws: `DecodingError`, also for names that are not known and for sizes that no image can be brought to.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseUnknownKeys(CodingKeys.self)
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      geometry: try values.decode(Geometry.self, forKey: .geometry),
      filter: try values.decode(ResizeFilter.self, forKey: .filter),
      normalization: try values.decode(PixelNormalization.self, forKey: .normalization))
    try decoder.refuse(problem)
  }

  /// Encodes all parts.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(geometry, forKey: .geometry)
    try values.encode(filter, forKey: .filter)
    try values.encode(normalization, forKey: .normalization)
  }
}

/// A name, and the sizes that geometries of this name have.
extension ImagePreprocessing.Geometry: Codable {
  private enum CodingKeys: CodingKey { case name, width, height, side, cropWidth, cropHeight, size, maximum }

  private enum Name: String, Codable {
    case stretch, shortestSide, patches, paddedSquare

    var keys: [CodingKeys] {
      switch self {
      case .stretch: [.width, .height]
      case .shortestSide: [.side, .cropWidth, .cropHeight]
      case .patches: [.size, .maximum]
      case .paddedSquare: [.side]
      }
    }
  }

  /// Decodes a geometry.
  ///
  /// - Throws: `DecodingError`.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let name = try values.decode(Name.self, forKey: .name)
    try decoder.refuseUnknownKeys(["name"] + name.keys.map(\.stringValue))
    func size(_ key: CodingKeys) throws -> Int { try values.decode(Int.self, forKey: key) }
    switch name {
    case .stretch: self = .stretch(width: try size(.width), height: try size(.height))
    case .shortestSide:
      self = .shortestSide(
        try size(.side), cropWidth: try size(.cropWidth), cropHeight: try size(.cropHeight))
    case .patches: self = .patches(size: try size(.size), maximum: try size(.maximum))
    case .paddedSquare: self = .paddedSquare(try size(.side))
    }
  }

  /// Encodes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    func encode(_ name: Name, _ sizes: Int...) throws {
      try values.encode(name, forKey: .name)
      for (key, size) in zip(name.keys, sizes) { try values.encode(size, forKey: key) }
    }
    switch self {
    case .stretch(let width, let height): try encode(.stretch, width, height)
    case .shortestSide(let side, let width, let height): try encode(.shortestSide, side, width, height)
    case .patches(let size, let maximum): try encode(.patches, size, maximum)
    case .paddedSquare(let side): try encode(.paddedSquare, side)
    }
  }
}

extension PixelNormalization: Codable {
  private enum CodingKeys: CodingKey, CaseIterable { case mean, deviation }

  /// Decodes a normalisation.
  ///
  /// - Throws: `DecodingError`.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseUnknownKeys(CodingKeys.self)
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let mean = try values.decode([Float].self, forKey: .mean)
    let deviation = try values.decode([Float].self, forKey: .deviation)
    if mean.count != 3 || deviation.count != 3 {
      try decoder.refuse("\(mean.count) means and \(deviation.count) deviations, expected three each")
    }
    self.init(mean: mean, deviation: deviation)
  }

  /// Encodes means and deviations.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(mean, forKey: .mean)
    try values.encode(deviation, forKey: .deviation)
  }
}
