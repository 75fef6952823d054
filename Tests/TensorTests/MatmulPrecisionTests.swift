import Foundation
import Kernels
import Tensor
import Testing

@Suite struct MatmulPrecisionTests {
  /// bfloat16 rounds it to 1.
  private static let number: Float = 1.001

  private func product(_ a: Float = number, _ b: Float = 1) -> Float {
    matmul(Tensor([a], shape: [1, 1]), Tensor([b], shape: [1, 1])).item()
  }

  @Test func aPrecisionHoldsInItsScope() {
    #expect(product() == Self.number)
    Compute.withMatmulPrecision(.bfloat16) {
      #expect(Compute.matmulPrecision == .bfloat16 && Compute.gradientMatmulPrecision == .bfloat16)
      #expect(product() == 1)
      Compute.withMatmulPrecision(.float32, gradients: .bfloat16x3) {
        #expect(Compute.matmulPrecision == .float32 && Compute.gradientMatmulPrecision == .bfloat16x3)
        #expect(product() == Self.number)
      }
      #expect(product() == 1)
    }
    #expect(Compute.matmulPrecision == .float32 && product() == Self.number)
  }

  @Test func aPrecisionEndsWithAnError() {
    struct Failure: Error {}
    #expect(throws: Failure.self) { try Compute.withMatmulPrecision(.bfloat16) { throw Failure() } }
    #expect(Compute.matmulPrecision == .float32)
  }

  /// Helpers of a region compute as who opened it, and as themselves afterwards.
  @Test func aPrecisionGoesToAllThreads() {
    let (a, b) = (Tensor.full([64, 70, 30], Self.number), Tensor.ones([64, 30, 50]))
    for threads in [1, 3] {
      ThreadPool.withThreadCount(threads) {
        for _ in 0..<10 {
          let rounded = Compute.withMatmulPrecision(.bfloat16) { a.matmul(b) }
          #expect(rounded == .full([64, 70, 50], 30))
          #expect(a.matmul(b).min().item() > 30.01)
        }
      }
    }
  }

  @Test func convolutionsThatAreProductsRound() {
    func convolve(channels: Int = 3, outputs: Int = 64, kernel: Int, stride: Int) -> Tensor {
      Compute.withMatmulPrecision(.bfloat16) {
        conv2d(
          .full([1, channels, 40, 40], Self.number), weight: .ones([outputs, channels, kernel, kernel]),
          stride: (stride, stride))
      }
    }
    // Patches.
    #expect(convolve(kernel: 8, stride: 8) == .full([1, 64, 5, 5], 192))
    // Windows that overlap: read where they lie, and copied into panels.
    let (direct, joined) = (
      convolve(kernel: 3, stride: 1), convolve(channels: 8, outputs: 20, kernel: 3, stride: 1)
    )
    #expect(direct.min().item() > 27.01 && direct.max().item() < 27.04)
    #expect(joined.min().item() > 72.06 && joined.max().item() < 72.08)
  }

  @Test func packedWeightsKeepTheBitsOfTheirPrecision() {
    var random = Random(seed: 1)
    let (x, weight) = (random.normal([37, 100]), random.normal([90, 100]))
    for precision in MatmulPrecision.allCases {
      Compute.withMatmulPrecision(precision) {
        let packed = weight.packedForProducts()
        for used in MatmulPrecision.allCases {
          Compute.withMatmulPrecision(used) {
            #expect(linear(x, weight: packed) == linear(x, weight: weight))
          }
        }
      }
    }
  }

  /// Weights of 8 bits are used by products of every precision, any number of rows at a time, and not by what else reads them.
  @Test func weightsOfEightBits() {
    var random = Random(seed: 2)
    let (x, weight, bias) = (random.normal([37, 1100]), random.normal([90, 1100]), random.normal([90]))
    let packed = weight.packedForProducts(precision: .int8)
    #expect(packed.isPackedInBytes && !weight.packedForProducts().isPackedInBytes && packed == weight)
    let exact = linear(x, weight: weight, bias: bias, activation: .gelu)
    let found = linear(x, weight: packed, bias: bias, activation: .gelu)
    let error = (found - exact).abs().max().item()
    // Roundings of 1,100 numbers of about 1, by parts of 4/127 each, add up like steps in any direction.
    #expect(error > 0.05 && error < 2, "\(error)")
    for precision in MatmulPrecision.allCases {
      Compute.withMatmulPrecision(precision) {
        #expect(linear(x, weight: packed, bias: bias, activation: .gelu) == found)
        #expect(Compute.matmulPrecision == precision)
        for row in [0, 17, 36] {
          let alone = linear(x[row..<row + 1], weight: packed, bias: bias, activation: .gelu)
          #expect(alone == found[row..<row + 1])
        }
        #expect(x.matmul(packed.transpose().contiguous()) == x.matmul(weight.transpose().contiguous()))
      }
    }
    // The other way round, as a gradient goes.
    let gradient = random.normal([37, 90])
    #expect(gradient.matmul(packed) == gradient.matmul(weight))
    // A write makes an ordinary tensor of it.
    var changed = packed
    changed += 0
    #expect(!changed.isPackedInBytes && linear(x, weight: changed, bias: bias, activation: .gelu) == exact)
  }

  @Test func aPrecisionForTheProcess() async {
    await #expect(processExitsWith: .success) {
      Compute.matmulPrecision = .bfloat16
      #expect(Compute.gradientMatmulPrecision == .bfloat16)
      Compute.gradientMatmulPrecision = .bfloat16x3
      #expect(Compute.matmulPrecision == .bfloat16 && Compute.gradientMatmulPrecision == .bfloat16x3)
      let other = await Task.detached {
        matmul(Tensor([1.001], shape: [1, 1]), Tensor([1], shape: [1, 1])).item()
      }.value
      #expect(other == 1)
      Compute.withMatmulPrecision(.float32) { #expect(Compute.matmulPrecision == .float32) }
    }
  }

  @Test func theEnvironmentsPrecision() async {
    await #expect(processExitsWith: .success) {
      setenv("PAIRWISE_MATMUL_PRECISION", "bfloat16x3", 1)
      #expect(Compute.matmulPrecision == .bfloat16x3 && Compute.gradientMatmulPrecision == .bfloat16x3)
    }
    let result = await #expect(processExitsWith: .exitCode(2), observing: [\.standardErrorContent]) {
      setenv("PAIRWISE_MATMUL_PRECISION", "half", 1)
      _ = Compute.matmulPrecision
    }
    let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(output == "PAIRWISE_MATMUL_PRECISION=half: expected one of float32, bfloat16, bfloat16x3\n")
  }
}
