// swift-tools-version: 6.2
import PackageDescription

// The tests of image files once more, with libjpeg-turbo and libpng. A package of its own, as a trait counts for a whole
// package: this way all but the decoders is compiled as the examples have it.
let package = Package(
  name: "ImageCodecs",
  platforms: [.macOS(.v15)],
  traits: [.default(enabledTraits: ["ImageCodecs"]), .trait(name: "ImageCodecs")],
  dependencies: [.package(name: "Pairwise", path: "../..", traits: ["ImageCodecs"])],
  targets: [
    .target(name: "TestSupport", path: "Support"),
    .testTarget(
      name: "ImageCodecsTests",
      dependencies: ["TestSupport", .product(name: "SigLIPModel", package: "Pairwise")]),
  ],
  swiftLanguageModes: [.v6]
)
