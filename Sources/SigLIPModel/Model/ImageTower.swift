import NN

/// Something that turns images, or features of images, into embeddings `[batch, width]`.
public protocol ImageTower: Module {
  /// Embeds a batch; embeddings are not normalised.
  func callAsFunction(_ images: Variable) -> Variable
  /// Embeds images of any size and shape; traps where the tower takes images of one size.
  func callAsFunction(_ sequences: PatchSequences) -> Variable
  /// What the tower makes of each part of an image before it pools them, `[batch, tokens, width]`
  /// (``VisionConfiguration/tokenWidth``): what a ``CaptionDecoder`` looks at. Traps where images are features already.
  func tokens(_ images: Variable) -> Variable
  /// The blocks of a tower that is a transformer, whose ``TransformerEncoder/rematerializesBlocks`` may be set at any time;
  /// nil for others.
  var transformer: TransformerEncoder? { get }
  /// Leaves out patches while training; traps when it is set on a tower that has none to leave out, as only a
  /// ``VisionTransformer`` has.
  var patchDropout: PatchDropout? { get set }
}

extension ImageTower {
  /// Traps: the tower takes images of one size.
  public func callAsFunction(_ sequences: PatchSequences) -> Variable {
    programmerError("SigLIP: patches for a model whose images have one size; give it pixels")
  }

  /// Traps: what it takes has no parts.
  public func tokens(_ images: Variable) -> Variable {
    programmerError("tokens: a \(Self.self) takes features of whole images, which have no parts")
  }

  /// nil.
  public var transformer: TransformerEncoder? { nil }

  /// nil, which is all that it can be.
  public var patchDropout: PatchDropout? {
    get { nil }
    set { if newValue != nil { programmerError("patchDropout: a \(Self.self) leaves out no patches") } }
  }
}

/// A projection of features that a locked tower computed beforehand: all of the image side that SigLiT trains.
extension Linear: ImageTower {}

extension VisionConfiguration {
  /// A tower of these sizes, with random weights.
  public func tower(random: inout Random) -> any ImageTower {
    check()
    return switch architecture {
    case .transformer: VisionTransformer(self, random: &random)
    case .naFlex: NaFlexVisionTransformer(self, random: &random)
    case .efficientNetLite0: EfficientNetLite0(random: &random)
    case .resNet: ModifiedResNet(self, random: &random)
    }
  }
}

/// Brings every feature to mean 0 and deviation 1 over the images it was made for.
public final class FeatureNormalization: Layer {
  /// Subtracted from the features, `[width]`.
  public let mean: Buffer
  /// Divides what is left, `[width]`.
  public let deviation: Buffer

  /// A normalisation of so many features that changes nothing.
  public convenience init(width: Int) { self.init(mean: .zeros([width]), deviation: .ones([width])) }

  /// A normalisation by the given numbers, `[width]` both.
  public init(mean: Tensor, deviation: Tensor) {
    if mean.rank != 1 || mean.shape != deviation.shape {
      programmerError(
        "FeatureNormalization: a mean of shape \(mean.shape) and a deviation of shape \(deviation.shape)")
    }
    self.mean = Buffer(mean)
    self.deviation = Buffer(deviation)
  }

  /// The normalisation of some features, `[images, width]`, which are those of the images for training; a millionth is added
  /// to the variance.
  public convenience init(of features: Tensor) {
    self.init(
      mean: features.mean(axes: [0]), deviation: (features.variance(axes: [0]) + 1e-6).sqrt())
  }

  /// Normalises `[..., width]`.
  public func callAsFunction(_ x: Variable) -> Variable {
    (x - Variable(mean.value)) / Variable(deviation.value)
  }
}

/// Brings features to the width of the embeddings. By itself it is the image side of a model that trains on features which
/// a locked tower computed beforehand; behind that tower it is part of a ``ProjectedTower``.
public final class FeatureProjection: ImageTower {
  /// Before the linear layer, if anything.
  public let normalization: FeatureNormalization?
  /// To the width of the embeddings.
  public let projection: Linear

  /// A projection of two parts.
  public init(normalization: FeatureNormalization? = nil, projection: Linear) {
    if let normalization, normalization.mean.value.shape != [projection.inputs] {
      programmerError(
        "FeatureProjection: a normalisation of \(normalization.mean.value.shape) features before a layer of "
          + "\(projection.inputs)")
    }
    self.normalization = normalization
    self.projection = projection
  }

  /// A projection of `inputs` features: LeCun normal weights, no bias or zeros, and a normalisation that changes nothing
  /// yet.
  public convenience init(_ configuration: ImageProjection, inputs: Int, random: inout Random) {
    configuration.check()
    let width = configuration.width
    self.init(
      normalization: configuration.normalizesFeatures ? FeatureNormalization(width: inputs) : nil,
      projection: Linear(
        weight: random.lecunNormal([width, inputs]), bias: configuration.hasBias ? .zeros([width]) : nil))
  }

  /// Features `[batch, inputs]` to embeddings `[batch, width]`, not normalised.
  public func callAsFunction(_ features: Variable) -> Variable {
    projection(normalization?(features) ?? features)
  }
}

/// An image tower with a projection behind it. Apart from `tower` its parts have the paths that they have in a
/// ``FeatureProjection``, and embeddings have the same bits as those of the tower's features, projected by themselves.
public final class ProjectedTower: ImageTower {
  /// From images to features.
  public let tower: any ImageTower
  /// Of the features, if anything.
  public let normalization: FeatureNormalization?
  /// To the width of the embeddings.
  public let projection: Linear

  /// A tower and what stands behind it.
  public init(_ tower: any ImageTower, normalization: FeatureNormalization? = nil, projection: Linear) {
    self.tower = tower
    self.normalization = normalization
    self.projection = projection
  }

  /// A tower and a projection of its features, whose parts are shared.
  public convenience init(_ tower: any ImageTower, _ features: FeatureProjection) {
    self.init(tower, normalization: features.normalization, projection: features.projection)
  }

  /// The tower's.
  public var transformer: TransformerEncoder? { tower.transformer }

  /// The tower's.
  public var patchDropout: PatchDropout? {
    get { tower.patchDropout }
    set { tower.patchDropout = newValue }
  }

  /// What stands behind the tower, its parts shared.
  public var features: FeatureProjection {
    FeatureProjection(normalization: normalization, projection: projection)
  }

  /// Embeds what the tower takes.
  public func callAsFunction(_ images: Variable) -> Variable { features(tower(images)) }

  /// Embeds images of any size and shape.
  public func callAsFunction(_ sequences: PatchSequences) -> Variable { features(tower(sequences)) }

  /// The tower's, not projected.
  public func tokens(_ images: Variable) -> Variable { tower.tokens(images) }
}

extension ImageTower {
  /// The tower without a projection behind it.
  var unprojected: any ImageTower { (self as? ProjectedTower)?.tower ?? self }
}

extension ImageBatch {
  /// What a tower makes of the images.
  func embedded(by tower: any ImageTower) -> Variable {
    switch self {
    case .pixels(let pixels): tower(Variable(pixels))
    case .patches(let patches): tower(patches)
    }
  }
}
