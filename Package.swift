// swift-tools-version: 6.2
import PackageDescription

// Kernels are optimised in debug builds too, but file by file: both build systems take no flag for whole modules there.
let optimized: [SwiftSetting] = [.unsafeFlags(["-Ounchecked"])]

/// Small tensors are bookkeeping: checks of overlapping access to class properties are left to debug builds.
let bookkeeping: [SwiftSetting] = [
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]

/// References are computed element by element, which takes long without optimisation.
let references: [SwiftSetting] = [.unsafeFlags(["-O"])]

/// One source, several instruction sets: every folder but `SIMD` is a symbolic link to it, or has links to files of it.
func kernelTarget(
  _ name: String, folder: String, defines: [String] = [], x86Flags: [String]
) -> Target {
  // Only where the target is x86: another machine may be built for. There the flags would be unused, and said to be.
  let flags = x86Flags.flatMap { ["-Xarch_x86_64", $0] } + ["-Wno-unused-command-line-argument"]
  return .target(
    name: name,
    dependencies: ["CPUFeatures", "KernelInterface"],
    path: "Sources/Kernels/\(folder)",
    swiftSettings: optimized + [
      .unsafeFlags(flags.flatMap { ["-Xcc", $0] })
    ] + defines.map { .define($0) })
}

#if arch(x86_64)
  let cooperlake = ["-march=cooperlake", "-mprefer-vector-width=512"]
  let kernelTargets = [
    kernelTarget("KernelsBaseline", folder: "SIMD", x86Flags: []),
    kernelTarget(
      "KernelsAVX2", folder: "SIMDAVX2", defines: ["AVX2"],
      x86Flags: ["-march=haswell"]),
    kernelTarget(
      "KernelsAVX512", folder: "SIMDAVX512", defines: ["AVX512"],
      x86Flags: ["-march=skylake-avx512", "-mprefer-vector-width=512"]),
    // Products of 16-bit numbers alone.
    kernelTarget(
      "KernelsAVX512BF16", folder: "SIMDAVX512BF16", defines: ["AVX512", "BFLOAT16"],
      x86Flags: cooperlake),
    // The same by the matrix unit, and in tests by one that is emulated.
    kernelTarget(
      "KernelsAMX", folder: "SIMDAMX", defines: ["AVX512", "BFLOAT16", "TILES"],
      x86Flags: cooperlake + ["-mamx-tile", "-mamx-bf16", "-mamx-int8"]),
  ]
  let testedKernelTargets = [
    kernelTarget(
      "KernelsEmulatedAMX", folder: "SIMDEmulatedAMX", defines: ["AVX512", "BFLOAT16", "TILES"],
      x86Flags: cooperlake + ["-DPAIRWISE_EMULATED_AMX"])
  ]
#else
  let kernelTargets = [
    kernelTarget("KernelsBaseline", folder: "SIMD", x86Flags: [])
  ]
  let testedKernelTargets: [Target] = []
#endif

/// Other tests only call what they test: optimising them takes longer than it saves.
let callers: [SwiftSetting] = [.unsafeFlags(["-Onone"], .when(configuration: .release))]

let whenImageCodecs = TargetDependencyCondition.when(traits: ["ImageCodecs"])!
let whenMPI = TargetDependencyCondition.when(traits: ["MPI"])!

let package = Package(
  name: "Pairwise",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .library(name: "Tensor", targets: ["Tensor"]),
    .library(name: "Autograd", targets: ["Autograd"]),
    .library(name: "NN", targets: ["NN"]),
    .library(name: "Optim", targets: ["Optim"]),
    .library(name: "Distributed", targets: ["Distributed"]),
    .library(name: "Training", targets: ["Training"]),
    .library(name: "SigLIPModel", targets: ["SigLIPModel"]),
  ],
  traits: [
    .trait(name: "ImageCodecs", description: "Read JPEG and PNG files, with libjpeg-turbo and libpng."),
    .trait(name: "MPI", description: "Train on many machines, with Open MPI or MPICH."),
  ],
  targets: [
    .target(name: "CPUFeatures", path: "Sources/Kernels/CPUFeatures"),
    .target(
      name: "KernelInterface", path: "Sources/Kernels/Interface",
      // The compiler's own operations on vectors: see VectorOperators.swift.
      swiftSettings: optimized + [.enableExperimentalFeature("BuiltinModule")]),
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
      name: "Distributed",
      dependencies: ["Optim", .target(name: "CMPI", condition: whenMPI)]),
    .target(name: "Training", dependencies: ["Distributed"]),
    .target(
      name: "SigLIPModel",
      dependencies: ["Training", .target(name: "CImageCodecs", condition: whenImageCodecs)]),
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
    // The one that the system calls `mpi`, or PAIRWISE_MPI: `ompi`, `mpich`.
    .systemLibrary(
      name: "CSystemMPI", path: "Sources/MPI/CSystemMPI",
      pkgConfig: Context.environment["PAIRWISE_MPI"] ?? "mpi",
      providers: [.apt(["libopenmpi-dev"]), .brew(["open-mpi"])]),
    .target(
      name: "CMPI", dependencies: [.target(name: "CSystemMPI", condition: whenMPI)], path: "Sources/MPI/CMPI",
      cSettings: [.define("PAIRWISE_MPI", .when(traits: ["MPI"]))]),
  ] + kernelTargets + testedKernelTargets + [
    .target(
      name: "TestSupport", dependencies: ["Tensor"], path: "Tests/Support", swiftSettings: references),
    .executableTarget(
      name: "fuzz", dependencies: ["SigLIPModel", "Optim", "Tensor", "TestSupport"], path: "Tests/Fuzz"),
    .testTarget(
      name: "KernelsTests",
      dependencies: ["Kernels", "TestSupport"] + testedKernelTargets.map { .target(name: $0.name) },
      swiftSettings: references),
    .testTarget(
      name: "TensorTests", dependencies: ["Tensor", "Kernels", "TestSupport"], swiftSettings: callers),
    .testTarget(
      name: "AutogradTests", dependencies: ["Autograd", "Kernels", "TestSupport"], swiftSettings: references),
    .testTarget(name: "NNTests", dependencies: ["NN", "Kernels", "TestSupport"], swiftSettings: callers),
    .testTarget(
      name: "OptimTests", dependencies: ["Optim", "Kernels", "TestSupport"], swiftSettings: callers),
    .testTarget(
      name: "DistributedTests", dependencies: ["Distributed", "TestSupport"], swiftSettings: callers),
    .testTarget(name: "TrainingTests", dependencies: ["Training"], swiftSettings: callers),
    // As a program of somebody else: what is public has to be enough.
    .testTarget(name: "PublicTests", dependencies: ["Optim"], packageAccess: false),
    .testTarget(
      name: "SigLIPModelTests", dependencies: ["SigLIPModel", "TestSupport"], swiftSettings: callers),
  ],
  swiftLanguageModes: [.v6]
)
