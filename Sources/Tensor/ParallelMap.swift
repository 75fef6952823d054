import Kernels

/// The results of `transform` in the order of its inputs, computed on all threads, `grain` of them at a time.
package func parallelMap<Input, Output>(
  _ inputs: [Input], grain: Int = 64, _ transform: (Input) -> Output
) -> [Output] {
  [Output](unsafeUninitializedCapacity: inputs.count) { outputs, count in
    // Only the address crosses to other threads; each writes places of its own.
    let start = outputs.baseAddress.map { UInt(bitPattern: $0) }
    ThreadPool.parallelRanges(count: inputs.count, grain: grain) { range in
      guard let start, let outputs = UnsafeMutablePointer<Output>(bitPattern: start) else { return }
      for index in range { (outputs + index).initialize(to: transform(inputs[index])) }
    }
    count = inputs.count
  }
}

/// Calls `body` for every index below `count`, on all threads, in no given order.
package func parallelForEach(count: Int, _ body: (Int) -> Void) {
  ThreadPool.parallelFor(count: count, body)
}
