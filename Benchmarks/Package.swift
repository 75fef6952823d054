// swift-tools-version: 6.2
import PackageDescription

/// One source, several instruction sets, as the kernels of Pairwise: every folder but `Loop` is a symbolic link to it.
func loopTarget(_ name: String, folder: String, define: String?, architecture: [String]) -> Target {
  .target(
    name: name, path: "Sources/FMALoop/\(folder)",
    swiftSettings: [.unsafeFlags(["-Ounchecked"] + architecture.flatMap { ["-Xcc", $0] })]
      + (define.map { [.define($0)] } ?? []))
}

var loopTargets = [loopTarget("FMALoop", folder: "Loop", define: nil, architecture: [])]
#if arch(x86_64)
  loopTargets += [
    loopTarget("FMALoopAVX2", folder: "LoopAVX2", define: "AVX2", architecture: ["-march=haswell"]),
    loopTarget(
      "FMALoopAVX512", folder: "LoopAVX512", define: "AVX512",
      architecture: ["-march=skylake-avx512", "-mprefer-vector-width=512"]),
  ]
#endif

let package = Package(
  name: "PairwiseBenchmarks",
  platforms: [.macOS(.v15)],
  traits: [
    .trait(name: "ImageCodecs", description: "Compile Pairwise with its trait of this name."),
    .trait(name: "MPI", description: "Compile Pairwise with its trait of this name."),
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
    .executableTarget(
      name: "benchmark",
      dependencies: [
        .product(name: "SigLIPModel", package: "Pairwise"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ] + loopTargets.map { .target(name: $0.name) }),
    .executableTarget(
      name: "simulate-ranks",
      dependencies: [
        .product(name: "Distributed", package: "Pairwise"),
        .product(name: "SigLIPModel", package: "Pairwise"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
  ] + loopTargets,
  swiftLanguageModes: [.v6]
)
