import Dispatch
import FMALoop
import Foundation
import Tensor

#if arch(x86_64)
  import FMALoopAVX2
  import FMALoopAVX512
#endif

/// What this machine can do at all, on as many threads as the others use.
enum Limits {
  static var work: [Work] { [multiplyAdds, copy] }

  /// Multiply-adds in registers.
  private static var multiplyAdds: Work {
    let iterations = 2_000_000
    let (loop, flops) = self.loop
    return Work(name: "limits/multiply-add", flops: Compute.threadCount * iterations * flops) {
      { onEveryThread { _ in if loop(iterations, 0.5) == 0 { print("impossible: the sum tends to 24") } } }
    }
  }

  /// A copy from one part of memory to another, far larger than the caches.
  private static var copy: Work {
    let size = 256 << 20
    return Work(name: "limits/copy", bytes: 2 * size) {
      let threads = Compute.threadCount
      let memory = Memory(size: size)
      return {
        onEveryThread { thread in
          let range = size / threads * thread..<size / threads * (thread + 1)
          memcpy(memory.target + range.lowerBound, memory.source + range.lowerBound, range.count)
        }
      }
    }
  }

  private static func onEveryThread(_ body: @Sendable (Int) -> Void) {
    DispatchQueue.concurrentPerform(iterations: Compute.threadCount, execute: body)
  }

  /// The loop in the instructions that the kernels use, and the operations of one iteration.
  private static var loop: (@Sendable (Int, Float) -> Float, Int) {
    #if arch(x86_64)
      switch Compute.instructionSet {
      case "avx512", "avx512bf16", "amx":
        return (
          { FMALoopAVX512.MultiplyAdds.run(iterations: $0, factor: $1) },
          FMALoopAVX512.MultiplyAdds.flopsPerIteration
        )
      case "avx2":
        return (
          { FMALoopAVX2.MultiplyAdds.run(iterations: $0, factor: $1) },
          FMALoopAVX2.MultiplyAdds.flopsPerIteration
        )
      default: break
      }
    #endif
    return ({ FMALoop.MultiplyAdds.run(iterations: $0, factor: $1) }, FMALoop.MultiplyAdds.flopsPerIteration)
  }

  /// Two areas; threads write to parts of their own.
  private final class Memory: @unchecked Sendable {
    let source, target: UnsafeMutableRawPointer

    init(size: Int) {
      source = .allocate(byteCount: size, alignment: 4096)
      target = .allocate(byteCount: size, alignment: 4096)
      memset(source, 1, size)
      memset(target, 2, size)
    }

    deinit {
      source.deallocate()
      target.deallocate()
    }
  }
}
