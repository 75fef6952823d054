import Tensor
import Testing

@Suite struct PrintingTests {
  @Test func numbersAreAligned() {
    #expect(Tensor([[1, -20], [300, 4]]).description == "Tensor [2, 2]\n[[  1, -20],\n [300,   4]]")
    #expect(Tensor([0.5, -1.25, 3]).description == "Tensor [3]\n[ 0.5000, -1.2500,  3.0000]")
    #expect(Tensor([1e-8, 2]).description == "Tensor [2]\n[1.0000e-08, 2.0000e+00]")
    #expect(Tensor([.nan, .infinity, -.infinity, 1]).description == "Tensor [4]\n[ nan,  inf, -inf,    1]")
    #expect(Tensor(2.5).description == "Tensor []\n2.5000")
    #expect(Tensor.zeros([2, 0]).description == "Tensor [2, 0]\n[[]]")
    #expect("\(IndexTensor([3, 14, -1]))" == "IndexTensor [3]\n[ 3, 14, -1]")
  }

  @Test func viewsPrintTheirOwnOrder() {
    let x = Tensor([[1, 2, 3], [4, 5, 6]])
    #expect(x.transpose().description == "Tensor [3, 2]\n[[1, 4],\n [2, 5],\n [3, 6]]")
    #expect(x[1].flip(axis: 0).description == "Tensor [3]\n[6, 5, 4]")
  }

  @Test func blocksAreSetApart() {
    let text = Tensor.arange(0, 8).reshape([2, 2, 2]).description
    #expect(text == "Tensor [2, 2, 2]\n[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]]")
  }

  @Test func longAxesAreShortened() {
    let lines = Tensor.arange(0, 2000).reshape([100, 20]).description.split(separator: "\n")
    #expect(lines.count == 8)
    #expect(lines[1] == "[[   0,    1,    2, ...,   17,   18,   19],")
    #expect(lines[4] == " ...,")
    #expect(lines[7] == " [1980, 1981, 1982, ..., 1997, 1998, 1999]]")
    #expect(Tensor.arange(0, 1000).description.contains("500"))
  }
}
