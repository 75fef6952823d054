import CPUFeatures
import KernelInterface

/// Cache lines to bring closer while tiles are multiplied, a few at a time: many at once would hold up the tiles' own loads.
typealias LinesAhead = (
  pointer: UnsafePointer<Float>, stride: Int, linesInRun: Int, line: Int, runs: Int, atOnce: Int
)

@_transparent
func linesAhead(
  _ pointer: UnsafePointer<Float>, _ stride: Int, linesInRun: Int, runs: Int, chunks: Int
) -> LinesAhead {
  (pointer, stride, linesInRun, 0, runs, (runs * linesInRun + chunks - 1) / chunks)
}

/// Nothing if there is none.
@_transparent
func linesAhead(_ memory: MemoryRuns?, _ other: UnsafePointer<Float>, chunks: Int) -> LinesAhead {
  guard let memory else { return (other, 0, 0, 0, 0, 0) }
  return linesAhead(
    memory.pointer, memory.stride, linesInRun: (memory.count + 15) / 16, runs: memory.runs, chunks: chunks)
}

@inline(__always)
func bringCloser(_ ahead: inout LinesAhead) {
  var count = ahead.atOnce
  while count > 0 && ahead.runs > 0 {
    pairwise_prefetch_far(ahead.pointer + 16 * ahead.line)
    ahead.line += 1
    if ahead.line == ahead.linesInRun {
      ahead.line = 0
      ahead.pointer += ahead.stride
      ahead.runs -= 1
    }
    count -= 1
  }
}
