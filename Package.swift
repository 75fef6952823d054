// swift-tools-version: 6.2
import PackageDescription

// Kernels are always optimised as whole modules, in debug builds too, so that `swift test` runs what users run.
// One thread for each module: with more, the index of a debug build expects another set of files.
let optimized: [SwiftSetting] = [.unsafeFlags(["-Ounchecked", "-wmo", "-num-threads", "1"])]

/// Small tensors are bookkeeping: checks of overlapping access to class properties are left to debug builds.
let bookkeeping: [SwiftSetting] = [
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]

/// One source, several instruction sets: every folder but `SIMD` is a symbolic link to it.
func kernelTarget(_ name: String, folder: String, define: String?, architecture: [String]) -> Target {
  .target(
    name: name,
    dependencies: ["CPUFeatures", "KernelInterface"],
    path: "Sources/Kernels/\(folder)",
    swiftSettings: [
      // A square root need not set `errno`: only then is it one instruction for a whole vector.
      .unsafeFlags(
        ["-Ounchecked", "-wmo", "-num-threads", "1"]
          + (["-fno-math-errno"] + architecture).flatMap { ["-Xcc", $0] })
    ] + (define.map { [.define($0)] } ?? []))
}

#if arch(x86_64)
  let kernelTargets = [
    kernelTarget("KernelsBaseline", folder: "SIMD", define: nil, architecture: []),
    kernelTarget(
      "KernelsAVX2", folder: "SIMDAVX2", define: "AVX2",
      architecture: ["-march=haswell"]),
    kernelTarget(
      "KernelsAVX512", folder: "SIMDAVX512", define: "AVX512",
      architecture: ["-march=skylake-avx512", "-mprefer-vector-width=512"]),
  ]
#else
  let kernelTargets = [
    kernelTarget("KernelsBaseline", folder: "SIMD", define: nil, architecture: [])
  ]
#endif

let whenImageCodecs = TargetDependencyCondition.when(traits: ["ImageCodecs"])!

let package = Package(
  name: "Pairwise",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .library(name: "Tensor", targets: ["Tensor"]),
    .library(name: "Autograd", targets: ["Autograd"]),
    .library(name: "NN", targets: ["NN"]),
    .library(name: "Optim", targets: ["Optim"]),
    .library(name: "SigLIPModel", targets: ["SigLIPModel"]),
  ],
  traits: [
    .trait(name: "ImageCodecs", description: "Read JPEG and PNG files, with libjpeg-turbo and libpng.")
  ],
  targets: [
    .target(name: "CPUFeatures", path: "Sources/Kernels/CPUFeatures"),
    .target(name: "KernelInterface", path: "Sources/Kernels/Interface", swiftSettings: optimized),
    .target(
      name: "Kernels",
      dependencies: ["CPUFeatures", "KernelInterface"] + kernelTargets.map { .target(name: $0.name) },
      path: "Sources/Kernels/Dispatch",
      swiftSettings: optimized),
    .target(name: "Tensor", dependencies: ["Kernels"], swiftSettings: bookkeeping),
    .target(name: "Autograd", dependencies: ["Tensor"], swiftSettings: bookkeeping),
    .target(name: "NN", dependencies: ["Autograd"], swiftSettings: bookkeeping),
    .target(name: "Optim", dependencies: ["NN"], swiftSettings: bookkeeping),
    .target(
      name: "SigLIPModel",
      dependencies: ["NN", "Optim", .target(name: "CImageCodecs", condition: whenImageCodecs)]),
    .systemLibrary(
      name: "CLibJPEG", path: "Sources/ImageCodecs/CLibJPEG", pkgConfig: "libjpeg",
      providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(
      name: "CLibPNG", path: "Sources/ImageCodecs/CLibPNG", pkgConfig: "libpng",
      providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .target(
      name: "CImageCodecs",
      dependencies: [
        .target(name: "CLibJPEG", condition: whenImageCodecs),
        .target(name: "CLibPNG", condition: whenImageCodecs),
      ],
      path: "Sources/ImageCodecs/CImageCodecs",
      cSettings: [.define("IMAGE_CODECS", .when(traits: ["ImageCodecs"]))]),
  ] + kernelTargets + [
    // References are computed element by element, which takes long without optimisation.
    .target(
      name: "TestSupport", dependencies: ["Tensor"], path: "Tests/Support",
      swiftSettings: [.unsafeFlags(["-O"])]),
    .executableTarget(
      name: "fuzz", dependencies: ["SigLIPModel", "Optim", "Tensor", "TestSupport"], path: "Tests/Fuzz"),
    .testTarget(name: "KernelsTests", dependencies: ["Kernels", "TestSupport"]),
    .testTarget(name: "TensorTests", dependencies: ["Tensor", "Kernels", "TestSupport"]),
    .testTarget(name: "AutogradTests", dependencies: ["Autograd", "Kernels", "TestSupport"]),
    .testTarget(name: "NNTests", dependencies: ["NN", "Kernels", "TestSupport"]),
    .testTarget(name: "OptimTests", dependencies: ["Optim", "Kernels", "TestSupport"]),
    // As a program of somebody else: what is public has to be enough.
    .testTarget(name: "PublicTests", dependencies: ["Optim"], packageAccess: false),
    .testTarget(name: "SigLIPModelTests", dependencies: ["SigLIPModel", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
