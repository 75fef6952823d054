import Foundation
import TestSupport
import Testing
import Training

import SigLIPModel

/// Features of a locked tower that are computed once.
@Suite struct EmbeddingCacheTests {
  /// Pictures of noise; every fifth is the one before it again, and some cannot be read.
  private struct Pictures: ImageTextSource {
    var range: Range<Int> = 0..<60
    var damaged: Set<Int> = []
    var count: Int { range.count }

    func key(at index: Int) -> String { "picture \(range.lowerBound + index)" }

    func image(at index: Int) throws -> SampleImage {
      let number = range.lowerBound + index
      if damaged.contains(number) { throw FileError(.malformed, key(at: index), "it is torn") }
      let original = number % 5 == 4 ? number - 1 : number
      var random = Random(seed: UInt64(original))
      let (width, height) = (5 + original % 3, 6)
      return .pixels(
        RGBImage(
          width: width, height: height,
          pixels: (0..<width * height * 3).map { _ in UInt8(random.nextInt(below: 256)) }))
    }

    func captions(at index: Int) throws -> [Caption] { [Caption("noise")] }
  }

  private static let width = 48
  private static let preprocessing = ImagePreprocessing.huggingFaceV1(imageSize: 4)
  private static let key = ContentDigest(String(repeating: "0123456789abcdef", count: 4))!

  private static func open(_ folder: String) throws -> EmbeddingCache {
    try EmbeddingCache(folder: folder, tower: key, width: width)
  }

  /// Stands for a tower: each image by itself.
  private static func embed(_ images: ImageBatch) -> Tensor {
    guard case .pixels(let pixels) = images else { return .zeros([0, width]) }
    return pixels.reshape([pixels.shape[0], width]) * 3 - 0.25
  }

  /// Fills a cache, and says how many images were computed.
  private static func fill(
    _ cache: EmbeddingCache, _ source: Pictures = Pictures(), batchSize: Int = 4,
    maximumShare: Double = 0
  ) throws -> (digests: [ContentDigest?], computed: Int) {
    var computed = 0
    let digests = try cache.fill(
      TolerantReader(source, maximumShare: maximumShare), preprocessing: preprocessing, batchSize: batchSize
    ) { images in
      let features = embed(images)
      computed += features.shape[0]
      return features
    }
    return (digests, computed)
  }

  /// What the cache has to hold of a source.
  private static func expected(_ source: Pictures = Pictures()) throws -> Tensor {
    let images = try (0..<source.count).map { preprocessing.fit(try source.image(at: $0).decoded()) }
    return embed(preprocessing.batch(ofFitted: images))
  }

  private static func expectAll(
    _ cache: EmbeddingCache, _ digests: [ContentDigest?], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let features = try cache.features(of: digests.map { try #require($0) })
    #expect(features == (try expected()), sourceLocation: sourceLocation)
  }

  private static func file(_ folder: String) -> String { "\(folder)/\(key).embeddings" }
  private static let recordByteCount = 32 + 4 * width + 16

  // MARK: What it does

  @Test func everyImageIsComputedOnce() throws {
    let folder = try TemporaryFolder().path("a/b")
    let cache = try Self.open(folder)
    #expect(cache.count == 0)
    let (digests, computed) = try Self.fill(cache)
    #expect(computed == 48 && cache.count == 48 && digests.count == 60)
    try Self.expectAll(cache, digests)
    // Another program's, and one that fills it again with batches of another size.
    let other = try Self.open(folder)
    #expect(other.count == 48)
    try Self.expectAll(other, digests)
    let again = try Self.fill(other, batchSize: 7)
    #expect(again.computed == 0 && again.digests == digests)
    let size = try #require(
      try FileManager.default.attributesOfItem(atPath: Self.file(folder))[.size] as? Int)
    #expect(size == 64 + 48 * Self.recordByteCount)
    // Of what is not there nothing is given.
    let stranger = ContentDigest(String(repeating: "f", count: 64))!
    #expect(try !other.contains(stranger) && other.features(of: [digests[0]!, stranger]) == nil)
    #expect(try other.features(of: [])?.shape == [0, Self.width])
  }

  @Test func samplesThatAreDamagedHaveNone() throws {
    let folder = try TemporaryFolder()
    let cache = try Self.open(folder.path("a"))
    let source = Pictures(damaged: [3, 7])
    let (digests, computed) = try Self.fill(cache, source, maximumShare: 0.1)
    #expect(digests.indices.filter { digests[$0] == nil } == [3, 7])
    // Picture 4 is picture 3 again.
    #expect(computed == 47)
    #expect(throws: TooManyDamagedSamples.self) { try Self.fill(cache, source, maximumShare: 0.01) }
  }

  @Test func keysAreOfAllThatDecides() throws {
    let configuration = TowerTests.transformer
    func key(
      _ preprocessing: ImagePreprocessing = .huggingFaceV1(imageSize: 12),
      _ options: ImageReadingOptions = ImageReadingOptions(),
      _ change: (inout VisionConfiguration) -> Void = { _ in },
      _ changeTower: (any ImageTower) -> Void = { _ in }
    ) -> ContentDigest {
      var random = Random(seed: 5)
      var configuration = configuration
      let tower = configuration.tower(random: &random)
      change(&configuration)
      changeTower(tower)
      return EmbeddingCache.key(of: tower, configuration, preprocessing: preprocessing, options: options)
    }
    var seen = ImageReadingOptions()
    seen.maximumPixels = 10_000
    #expect(key() == key() && key(.huggingFaceV1(imageSize: 12), seen) == key())
    var dropped = seen
    dropped.transparency = .dropped
    var turned = seen
    turned.appliesOrientation = false
    let keys = [
      key(), key(.huggingFaceV2(imageSize: 12)), key(.huggingFaceV1(imageSize: 12), dropped),
      key(.huggingFaceV1(imageSize: 12), turned),
      key(_: .huggingFaceV1(imageSize: 12), seen) { $0.heads = 4 },
      key(_: .huggingFaceV1(imageSize: 12), seen) { $0.activation = .geluExact },
      key(.huggingFaceV1(imageSize: 12), seen, { _ in }) { tower in
        tower.parameters.last?.update { $0[0] += 1e-6 }
      },
    ]
    let rounded = [MatmulPrecision.bfloat16, .bfloat16x3].map { Compute.withMatmulPrecision($0) { key() } }
    let ofBytes = key(.huggingFaceV1(imageSize: 12), seen, { _ in }) { $0.packWeights(precision: .int8) }
    #expect(Set(keys + rounded + [ofBytes]).count == keys.count + 3)
    let normalization = FeatureNormalization(width: 3)
    func key(of module: some Module) -> ContentDigest {
      EmbeddingCache.key(of: module, configuration, preprocessing: .huggingFaceV1(imageSize: 12))
    }
    let before = key(of: normalization)
    normalization.mean.value = .ones([3])
    #expect(key(of: normalization) != before)
  }

  @Test func digestsAreThoseOfTheBytes() throws {
    let bytes = Array("the bytes of a file".utf8)
    let digest = SampleImage.encoded(bytes, name: "a").contentDigest
    #expect(digest.description == SHA256.digest(bytes))
    #expect(ContentDigest(digest.description) == digest)
    #expect(SampleImage.encoded(bytes, name: "b").contentDigest == digest)
    let pixels = [UInt8](repeating: 9, count: 24)
    let wide = SampleImage.pixels(RGBImage(width: 4, height: 2, pixels: pixels)).contentDigest
    #expect(wide != SampleImage.pixels(RGBImage(width: 2, height: 4, pixels: pixels)).contentDigest)
    for text in ["", "00", String(repeating: "g", count: 64), String(repeating: "+1", count: 32)] {
      #expect(ContentDigest(text) == nil)
    }
  }

  // MARK: Programs that end

  /// Killed again and again at any moment, some of them while they write; what is there is never computed again.
  @Test func aKilledFillingGoesOn() async throws {
    let temporary = try TemporaryFolder()
    let folder = temporary.path("cache")
    var counts: [Int] = []
    for round in 0..<12 {
      await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String, round = round as Int] in
        var batches = 0
        let cache = try EmbeddingCacheTests.open(folder)
        _ = try cache.fill(
          TolerantReader(Pictures()), preprocessing: EmbeddingCacheTests.preprocessing,
          batchSize: 1 + round % 3
        ) { images in
          batches += 1
          if batches == 3 {
            Thread {
              usleep(UInt32(round * 40))
              kill(getpid(), SIGKILL)
            }.start()
            if round % 2 == 0 { pause() }
          }
          if batches > 6 { pause() }
          return EmbeddingCacheTests.embed(images)
        }
        pause()
      }
      counts.append(try Self.open(folder).count)
      if counts.last! > 36 { break }
    }
    #expect(counts == counts.sorted() && counts[0] > 0 && Set(counts).count > 3, "\(counts)")
    let cache = try Self.open(folder)
    let (digests, computed) = try Self.fill(cache)
    #expect(computed == 48 - counts.last!, "\(counts)")
    try Self.expectAll(cache, digests)
  }

  @Test func aSignalEndsAFillingBetweenBatches() async throws {
    let temporary = try TemporaryFolder()
    let folder = temporary.path("cache")
    await #expect(processExitsWith: .exitCode(130)) { [folder = folder as String] in
      Interruption.watch()
      let cache = try EmbeddingCacheTests.open(folder)
      do {
        _ = try cache.fill(
          TolerantReader(Pictures()), preprocessing: EmbeddingCacheTests.preprocessing, batchSize: 8
        ) { images in
          if cache.count == 8 {
            kill(getpid(), SIGINT)
            // Another thread may have it.
            while !Interruption.isRequested { usleep(100) }
          }
          return EmbeddingCacheTests.embed(images)
        }
      } catch let interrupted as Interrupted {
        let words =
          "stopped while embedding images: \(cache.path) holds 16 of them, and the same command goes on"
        precondition(interrupted.description == words, interrupted.description)
        exit(interrupted.exitStatus)
      }
    }
    #expect(try Self.open(folder).count == 16)
    #expect(try Self.fill(Self.open(folder)).computed == 32)
  }

  /// Four programs at once, two of them with the same images.
  @Test func programsWriteToOneFile() async throws {
    let temporary = try TemporaryFolder()
    let folder = temporary.path("cache")
    await withTaskGroup(of: Void.self) { group in
      for part in [0..<30, 20..<60, 20..<60, 0..<60] {
        group.addTask {
          let (first, last) = (part.lowerBound, part.upperBound)
          await #expect(processExitsWith: .success) {
            [folder = folder as String, first = first as Int, last = last as Int] in
            let cache = try EmbeddingCacheTests.open(folder)
            _ = try EmbeddingCacheTests.fill(cache, Pictures(range: first..<last), batchSize: 2)
          }
        }
      }
    }
    let cache = try Self.open(folder)
    #expect(cache.count == 48)
    let (digests, computed) = try Self.fill(cache)
    #expect(computed == 0)
    try Self.expectAll(cache, digests)
  }

  /// Several write at the same time, often enough that some would meet.
  @Test func noRecordIsWrittenOverAnother() async throws {
    let temporary = try TemporaryFolder()
    let folder = temporary.path("cache")
    let (width, batch, batches) = (4096, 32, 24)
    func digests(_ first: Int) -> [ContentDigest] {
      (first..<first + batch).map { SampleImage.encoded(Array("\($0)".utf8), name: "").contentDigest }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<4 {
        group.addTask {
          let cache = try EmbeddingCache(folder: folder, tower: Self.key, width: width)
          let features = Tensor.full([batch, width], Float(writer))
          for number in 0..<batches {
            try cache.append(features, of: digests((writer * batches + number) * batch))
          }
        }
      }
      try await group.waitForAll()
    }
    let cache = try EmbeddingCache(folder: folder, tower: Self.key, width: width)
    #expect(cache.count == 4 * batches * batch)
    for first in stride(from: 0, to: 4 * batches * batch, by: batch) {
      #expect(try cache.features(of: digests(first)) != nil)
    }
  }

  /// What another one wrote is not computed any more.
  @Test func whatOthersWroteIsSeen() throws {
    let folder = try TemporaryFolder()
    let (one, other) = (try Self.open(folder.path("a")), try Self.open(folder.path("a")))
    #expect(try Self.fill(one, Pictures(range: 0..<30)).computed == 24)
    #expect(other.count == 0)
    let (digests, computed) = try Self.fill(other, batchSize: 5)
    #expect(computed == 24 && other.count == 48)
    try Self.expectAll(other, digests)
  }

  /// A disk without room: one line, and what was there stays.
  @Test func aFullDiskLeavesWhatWasThere() async throws {
    let temporary = try TemporaryFolder()
    let folder = temporary.path("cache")
    _ = try Self.fill(Self.open(folder), Pictures(range: 0..<10))
    await #expect(processExitsWith: .success) { [folder = folder as String] in
      signal(SIGXFSZ, SIG_IGN)
      let cache = try EmbeddingCacheTests.open(folder)
      let room = 64 + 11 * EmbeddingCacheTests.recordByteCount + 100
      var limit = rlimit(rlim_cur: rlim_t(room), rlim_max: rlim_t(room))
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      do {
        _ = try EmbeddingCacheTests.fill(cache)
        exit(1)
      } catch let error as FileError {
        precondition(error.kind == .unwritable && error.description.contains("File too large"), "\(error)")
      }
      precondition(cache.count == 8, "\(cache.count)")
    }
    let cache = try Self.open(folder)
    #expect(cache.count == 8)
    try Self.expectAll(cache, Self.fill(cache).digests)
  }

  // MARK: Damage

  @Test func aRecordThatWasNotFinishedIsCutOff() throws {
    let folder = try TemporaryFolder()
    let (digests, _) = try Self.fill(Self.open(folder.path("a")))
    let whole = try Data(contentsOf: URL(fileURLWithPath: Self.file(folder.path("a"))))
    for missing in [1, 15, 16, 100, Self.recordByteCount - 33, Self.recordByteCount - 1] {
      try whole.dropLast(missing).write(to: URL(fileURLWithPath: Self.file(folder.path("a"))))
      let cache = try Self.open(folder.path("a"))
      #expect(cache.count == 47)
      let (again, computed) = try Self.fill(cache)
      #expect(computed == 1 && again == digests)
      try Self.expectAll(Self.open(folder.path("a")), digests)
    }
    // Of a header too.
    for count in [0, 3, 8, 63] {
      try whole.prefix(count).write(to: URL(fileURLWithPath: Self.file(folder.path("a"))))
      #expect(try Self.open(folder.path("a")).count == 0)
      let cache = try Self.open(folder.path("a"))
      #expect(try Self.fill(cache).computed == 48)
    }
  }

  @Test func damageIsFoundAndComputedAgain() throws {
    let folder = try TemporaryFolder()
    let path = Self.file(folder.path("a"))
    let (digests, _) = try Self.fill(Self.open(folder.path("a")))
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let record = 64 + 20 * Self.recordByteCount
    for place in [record, record + 31, record + 32, record + 100, record + Self.recordByteCount - 1] {
      var bytes = whole
      bytes[place] ^= 4
      try bytes.write(to: URL(fileURLWithPath: path))
      let cache = try Self.open(folder.path("a"))
      let wanted = digests.compactMap { $0 }
      #expect(try cache.features(of: wanted) == nil, "byte \(place - record)")
      #expect(cache.count >= 47)
      // By a cache that has not seen the damage yet.
      let other = try Self.open(folder.path("a"))
      let (again, computed) = try Self.fill(other)
      #expect(computed == 1 && again == digests, "byte \(place - record)")
      try Self.expectAll(other, digests)
      try Self.expectAll(Self.open(folder.path("a")), digests)
    }
    // Features of one image in the place of another's.
    var bytes = whole
    let (a, b) = (64 + 3 * Self.recordByteCount + 32, 64 + 4 * Self.recordByteCount + 32)
    let length = Self.recordByteCount - 32
    bytes.replaceSubrange(a..<a + length, with: whole[b..<b + length])
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(try Self.fill(Self.open(folder.path("a"))).computed == 1)
  }

  @Test func aFileOfAnotherTowerOrKindIsNoCache() throws {
    let folder = try TemporaryFolder()
    let path = Self.file(folder.path("a"))
    _ = try Self.fill(Self.open(folder.path("a")))
    // Of another width, and with a header that was damaged: it begins anew.
    #expect(try EmbeddingCache(folder: folder.path("a"), tower: Self.key, width: 7).count == 0)
    _ = try Self.fill(Self.open(folder.path("a")))
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[20] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(try Self.open(folder.path("a")).count == 0)
    // Of something else: it is left alone.
    try Data("my notes".utf8).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: FileError.self) { try Self.open(folder.path("a")) }
    #expect(error?.description.contains("it is not a cache of embeddings; remove it") ?? false)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("my notes".utf8))
    // A named pipe, a folder, and a file where the folder should be.
    try FileManager.default.removeItem(atPath: path)
    #expect(mkfifo(path, 0o600) == 0)
    #expect(throws: FileError.self) { try Self.open(folder.path("a")) }
    unlink(path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    #expect(throws: FileError.self) { try Self.open(folder.path("a")) }
    let file = try folder.write([1], to: "file")
    #expect(throws: FileError.self) { try Self.open(file) }
  }
}
