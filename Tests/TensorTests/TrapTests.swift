import Tensor
import TestSupport
import Testing

/// What the program says before it stops.
private func expectMessage(
  _ message: String, _ result: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation
) {
  let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  #expect(output.contains(message), "\(output)", sourceLocation: sourceLocation)
}

/// Positions that are not there: resolved once, in one place.
@Suite struct PositionErrorTests {
  @Test func indexBeforeTheFirst() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([4])[-5]
    }
    expectMessage("select: index -5 is outside axis 0 of shape [4]", result)
  }

  @Test func rangeBeforeTheFirst() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([4])[..<(-5)]
    }
    expectMessage("slice: ..<-5 by 1 does not fit axis 0 of shape [4]", result)
  }

  @Test func rangeBeyondAllIntegers() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([4])[...Int.max]
    }
    expectMessage("slice: ...9223372036854775807 by 1 does not fit axis 0 of shape [4]", result)
  }

  @Test func narrowBeyondAllIntegers() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([4]).narrow(start: 1, length: .max, axis: 0)
    }
    expectMessage("narrow: 9223372036854775807 from 1 do not fit axis 0 of shape [4]", result)
  }

  @Test func shapeBeforeTheFirst() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).shape[-1]
    }
    expectMessage("shape: axis -1 is outside [2, 3], whose axes count from 0", result)
  }

  @Test func shapeBeyondTheLast() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = {
        var shape = Shape([2, 3]); shape[2] = 1
      }()
    }
    expectMessage("shape: axis 2 is outside [2, 3], whose axes count from 0", result)
  }

  @Test func shapeUpToBeyondTheLast() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Shape([2, 3])[..<(-1)]
    }
    expectMessage("shape: axis -1 is outside [2, 3], whose axes count from 0", result)
  }

  @Test func insertBeforeTheFirst() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = {
        var shape = Shape([2, 3]); shape.insert(1, at: -1)
      }()
    }
    expectMessage("shape: axis -1 is outside [2, 3], whose axes count from 0", result)
  }

  @Test func splitBeyondTheEnd() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([4]).split(sizes: [1, .max, .max])
    }
    expectMessage(
      "split: sizes [1, 9223372036854775807, 9223372036854775807] do not add up to axis 0", result)
  }
}

/// Sizes and numbers that no tensor has.
@Suite struct SizeErrorTests {
  @Test func moreElementsThanCanBeCounted() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([1 << 40, 1 << 40])
    }
    expectMessage("shape: [1099511627776, 1099511627776] holds more elements than can be counted", result)
  }

  @Test func moreElementsThanMemoryHolds() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([1 << 61])
    }
    expectMessage("tensor: shape [2305843009213693952] fits no memory", result)
  }

  @Test func aNegativeSize() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, -3])
    }
    expectMessage("tensor: shape [2, -3] has a negative size", result)
  }

  @Test func expansionToANegativeSize() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([1]).expand(to: [-3])
    }
    expectMessage("expand: shape [1] does not broadcast to [-3]", result)
  }

  @Test func tilesBeyondAllIntegers() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([4]).tile([.max])
    }
    expectMessage("shape: [9223372036854775807, 4] holds more elements than can be counted", result)
  }

  @Test func paddingBeyondAllIntegers() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([4]).pad([(.max, 1)])
    }
    expectMessage("do not fit shape [4]", result)
  }

  @Test func repeatedANegativeNumberOfTimes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Shape(repeating: 2, count: -1)
    }
    expectMessage("shape: a count of -1", result)
  }

  @Test func integersOfMoreThan32Bits() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = IndexTensor([1 << 40])
    }
    expectMessage("index tensor: 1099511627776 does not fit 32 bits", result)
  }

  @Test func integersOfNegativeSizes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = IndexTensor([1, 2], shape: [-1, -2])
    }
    expectMessage("index tensor: 2 integers do not fill shape [-1, -2]", result)
  }

  @Test func endlessRange() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.arange(0, .infinity)
    }
    expectMessage("arange: 0.0 to inf by 1.0", result)
  }

  @Test func permutationOfLessThanNothing() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var random = Random(seed: 0)
      _ = random.permutation(-1)
    }
    expectMessage("random: a permutation of -1", result)
  }

  @Test func poolingBeyondAllIntegers() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([1, 1, 2, 2]).maxPool2d(window: (.max, .max), padding: Padding2D(.max - 1))
    }
    expectMessage("maxPool2d: a window of (9223372036854775807, 9223372036854775807)", result)
  }

  @Test func convolutionInTooManyGroups() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = conv2d(.zeros([1, 2, 3, 3]), weight: .zeros([2, 2, 1, 1]), groups: .max)
    }
    expectMessage("conv2d: images [1, 2, 3, 3] and weights [2, 2, 1, 1] do not fit", result)
  }

  @Test func noThreads() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      Compute.threadCount = 0
    }
    expectMessage("threadCount: 0 is not in 1...1024", result)
  }

  @Test func lessThanNoThreads() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      Compute.threadCount = -3
    }
    expectMessage("threadCount: -3 is not in 1...1024", result)
  }

  @Test func tooManyThreads() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      Compute.threadCount = 1025
    }
    expectMessage("threadCount: 1025 is not in 1...1024", result)
  }
}

// Calls outside of tests, whose exit tests are code that a macro has written to other files.
private let lineOfARead = #line + 2
@inline(never) private func readBeyondTheEnd() {
  _ = Tensor.zeros([4])[9]
}
private let lineOfAReadInAClosure = #line + 2
@inline(never) private func readBeyondTheEndInAClosure() {
  _ = [1, 9].map { Tensor.zeros([4])[$0] }
}
private let lineOfAReadInATask = #line + 4
@inline(never) private func readBeyondTheEndInATask() async {
  await Task {
    await Task.yield()
    _ = Tensor.zeros([4])[9]
  }.value
}

/// The caller's line stands beside the sentence.
@Suite struct CallerTests {
  @Test func theLineOfTheCall() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      enableBacktraces()
      readBeyondTheEnd()
    }
    expectMessage(
      "select: index 9 is outside axis 0 of shape [4], at TensorTests/TrapTests.swift:\(lineOfARead)\n",
      result)
  }

  @Test func theLineOfACallInsideAClosureOfTheStandardLibrary() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      enableBacktraces()
      readBeyondTheEndInAClosure()
    }
    expectMessage(", at TensorTests/TrapTests.swift:\(lineOfAReadInAClosure)\n", result)
  }

  @Test func theLineOfACallInATask() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      enableBacktraces()
      await readBeyondTheEndInATask()
    }
    expectMessage(", at TensorTests/TrapTests.swift:\(lineOfAReadInATask)\n", result)
  }

  @Test func noLineWithoutBacktraces() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      readBeyondTheEnd()
    }
    expectMessage("select: index 9 is outside axis 0 of shape [4]\n", result)
  }

  @Test func linesInsideThePackageDoNotCount() {
    let own = [("/p/Sources/Tensor/ProgrammerError.swift", 1), ("/p/Sources/NN/Layers/Linear.swift", 7)]
    let others = [
      ("//<compiler-generated>", 2), ("/tmp/swift-generated-sources/@__swiftmacro_3App.swift", 5),
    ]
    #expect(Caller.line(in: own + others + [("/q/Sources/App/main.swift", 3)]) == "App/main.swift:3")
    #expect(Caller.line(in: own + [("/p/Sources2/a.swift", 4)]) == "Sources2/a.swift:4")
    // Release builds name some files by the path from the package's folder.
    let relative = own + [("Sources/Tensor/Tensor+Views.swift", 9), ("Sources/App/main.swift", 3)]
    #expect(Caller.line(in: relative) == "App/main.swift:3")
    #expect(Caller.line(in: own) == nil)
    #expect(Caller.line(in: [("/q/Sources/App/main.swift", 3)]) == nil)
  }
}
