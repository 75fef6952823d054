// swift-tools-version: 6.2
import PackageDescription

let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "PairwiseExamples",
  platforms: [.macOS(.v15)],
  traits: [
    .trait(name: "ImageCodecs", description: "Read JPEG and PNG files, with libjpeg-turbo and libpng."),
    .trait(name: "MPI", description: "Train on many machines, with Open MPI or MPICH."),
  ],
  dependencies: [
    .package(
      name: "Pairwise", path: "..",
      traits: [
        .trait(name: "ImageCodecs", condition: .when(traits: ["ImageCodecs"])),
        .trait(name: "MPI", condition: .when(traits: ["MPI"])),
      ]),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
  ],
  targets: [
    .target(
      name: "CommandSupport", dependencies: [.product(name: "Training", package: "Pairwise"), arguments]),
    .executableTarget(
      name: "train-siglit",
      dependencies: ["CommandSupport", .product(name: "SigLIPModel", package: "Pairwise"), arguments],
      // The library does the work. Optimising what only calls it takes longer than all it saves in many runs.
      swiftSettings: [.unsafeFlags(["-Onone"], .when(configuration: .release))]),
    .executableTarget(
      name: "siglip",
      dependencies: [
        "CommandSupport", .product(name: "SigLIPModel", package: "Pairwise"),
        .product(name: "Tensor", package: "Pairwise"), arguments,
      ]),
    .executableTarget(
      name: "reproduce",
      dependencies: [
        "CommandSupport", .product(name: "SigLIPModel", package: "Pairwise"),
        .product(name: "Tensor", package: "Pairwise"), arguments,
      ],
      swiftSettings: [.unsafeFlags(["-Onone"], .when(configuration: .release))]),
    .executableTarget(
      name: "name-emoji",
      dependencies: [
        "CommandSupport", .product(name: "NN", package: "Pairwise"),
        .product(name: "Optim", package: "Pairwise"),
        arguments,
      ]),
    .executableTarget(
      name: "caption-emoji",
      dependencies: ["CommandSupport", .product(name: "SigLIPModel", package: "Pairwise"), arguments]),
    .executableTarget(
      name: "classify-shapes", dependencies: [.product(name: "Training", package: "Pairwise")]),
    .testTarget(name: "CommandSupportTests", dependencies: ["CommandSupport"]),
    .testTarget(name: "TrainSigLITTests", dependencies: ["train-siglit", "CommandSupport"]),
    .testTarget(name: "SigLIPCommandTests", dependencies: ["siglip", "CommandSupport"]),
    .testTarget(name: "ReproduceTests", dependencies: ["reproduce", "CommandSupport"]),
    .testTarget(name: "SmallExampleTests", dependencies: ["caption-emoji", "classify-shapes", "name-emoji"]),
  ],
  swiftLanguageModes: [.v6]
)
