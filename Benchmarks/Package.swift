// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "PairwiseBenchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "Pairwise", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
  ],
  targets: [
    .executableTarget(
      name: "benchmark",
      dependencies: [
        .product(name: "Tensor", package: "Pairwise"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
