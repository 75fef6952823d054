import Dispatch
import Tensor

/// One piece of work.
struct Work {
  /// Says the work, for Pairwise and for its peers.
  let name: String
  /// Floating-point operations that the work needs, 0 where memory is what limits it.
  var flops = 0
  /// Bytes that the work must read and write at least.
  var bytes = 0
  /// Makes the operands; the result does the work once.
  let prepare: () throws -> () -> Void

  /// The same with products of 16-bit numbers: `NAME/bf16`.
  var withBFloat16: Work {
    Work(name: name + "/bf16", flops: flops, bytes: bytes) {
      let run = try Compute.withMatmulPrecision(.bfloat16, prepare)
      return { Compute.withMatmulPrecision(.bfloat16, run) }
    }
  }

  /// Prepares and measures.
  func measure(iterations: Int?) throws -> Measurement { measure(try prepare(), iterations: iterations) }

  /// Runs it some times that do not count, then five times and for 0.4 s, or for 4 s; or as often as is said.
  func measure(_ run: () -> Void, iterations: Int?) -> Measurement {
    var times: [Double] = []
    if let iterations {
      for _ in 0..<iterations { times.append(seconds(run)) }
    } else {
      var spent = seconds(run)
      while spent < 0.05 { spent += seconds(run) }
      spent = 0
      while spent < 4 && (times.count < 5 || spent < 0.4) {
        times.append(seconds(run))
        spent += times.last!
      }
    }
    times.sort()
    return Measurement(
      name: name, median_s: (times[(times.count - 1) / 2] + times[times.count / 2]) / 2, min_s: times[0],
      runs: times.count, flops: flops, bytes: bytes, peak_rss_bytes: ResidentMemory.peak,
      base_rss_bytes: ResidentMemory.atStart)
  }

  private func seconds(_ run: () -> Void) -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    run()
    return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
  }
}
