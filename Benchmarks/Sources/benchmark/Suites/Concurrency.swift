import Dispatch
import Foundation
import Tensor

/// What several threads of one program get done.
///
/// `concurrency/gemm-512/one-by-one`: the products of two threads one after the other, on one thread; `at-once`: the same
/// products by two threads at once; `apart`: by two threads that keep to themselves. `concurrency/trainer-512/alone`:
/// products on all threads; `loader`: before each another thread has to have made a picture, of up to two ahead;
/// `loader-of-one-thread`: the same where that thread keeps to itself; `pictures`: only the pictures, on one thread.
enum Concurrency {
  static var work: [Work] {
    [128, 256, 512, 1024].flatMap { size in
      [
        products(size, "one-by-one") { run in
          Compute.withThreadLimit(1) { for caller in 0..<2 { run(caller) } }
        },
        products(size, "at-once") { run in onTwoThreads(run) },
        products(size, "apart") { run in
          onTwoThreads { caller in Compute.withThreadLimit(1) { run(caller) } }
        },
      ]
    }
      + [512, 1024].flatMap { size in
        [
          trainer(size, "alone", loaderThreads: nil),
          trainer(size, "loader", loaderThreads: Compute.threadCount),
          trainer(size, "loader-of-one-thread", loaderThreads: 1),
          pictures(size),
        ]
      }
  }

  /// Lets both callers go at once: threads of their own, of which `DispatchQueue.concurrentPerform` may start one alone.
  private static func onTwoThreads(_ run: @escaping @Sendable (Int) -> Void) {
    let done = DispatchSemaphore(value: 0)
    Thread {
      run(1)
      done.signal()
    }.start()
    run(0)
    done.wait()
  }

  private static func repetitions(_ size: Int) -> Int { max(8, (1 << 31) / (size * size * size)) }

  /// - Parameter schedule: Gets what one caller does, and lets both do it.
  private static func products(
    _ size: Int, _ way: String, _ schedule: @escaping (_ run: @escaping @Sendable (Int) -> Void) -> Void
  ) -> Work {
    let repetitions = repetitions(size)
    let flops = 4 * repetitions * size * size * size
    return Work(name: "concurrency/gemm-\(size)/\(way)", flops: flops) {
      var random = Random(seed: 1)
      let operands = (0..<2).map { _ in (random.normal([size, size]), random.normal([size, size])) }
      return {
        schedule { caller in
          for _ in 0..<repetitions { _ = matmul(operands[caller].0, operands[caller].1) }
        }
      }
    }
  }

  /// - Parameter loaderThreads: Threads for what the other thread does, or none if there is no other.
  private static func trainer(_ size: Int, _ way: String, loaderThreads: Int?) -> Work {
    let repetitions = repetitions(size)
    let flops = 2 * repetitions * size * size * size
    return Work(name: "concurrency/trainer-\(size)/\(way)", flops: flops) {
      var random = Random(seed: 1)
      let (a, b) = (random.normal([size, size]), random.normal([size, size]))
      return {
        let pictures = DispatchSemaphore(value: 0)
        let room = DispatchSemaphore(value: 2)
        if let loaderThreads {
          let loader = Thread {
            var random = Random(seed: 2)
            Compute.withThreadLimit(loaderThreads) {
              for _ in 0..<repetitions {
                room.wait()
                _ = picture(size, &random)
                pictures.signal()
              }
            }
          }
          loader.start()
        }
        for _ in 0..<repetitions {
          if loaderThreads != nil { pictures.wait() }
          _ = matmul(a, b)
          room.signal()
        }
      }
    }
  }

  /// What the loader does for one product.
  private static func picture(_ size: Int, _ random: inout Random) -> Tensor {
    random.normal([3, size / 8, size / 8])
  }

  private static func pictures(_ size: Int) -> Work {
    Work(name: "concurrency/trainer-\(size)/pictures") {
      var random = Random(seed: 2)
      return {
        Compute.withThreadLimit(1) { for _ in 0..<repetitions(size) { _ = picture(size, &random) } }
      }
    }
  }
}
