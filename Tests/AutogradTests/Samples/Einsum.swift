import Autograd

extension Variable {
  static var einsumSamples: [OperationSamples] {
    let cases: [(String, [Shape])] = [
      ("ij,jk->ik", [[2, 3], [3, 4]]), ("bqd,bkd->bqk", [[2, 3, 5], [2, 4, 5]]), ("ij->ji", [[2, 17]]),
      ("ii->i", [[4, 4]]), ("ii", [[3, 3]]), ("i,j->ij", [[3], [15]]), ("ij,ij->i", [[2, 3], [2, 3]]),
      ("ij,jk,kl->il", [[2, 3], [3, 4], [4, 2]]), ("ij,k->k", [[2, 3], [4]]), ("i,i,i->", [[5], [5], [5]]),
      ("bthd,hde->bte", [[2, 3, 2, 4], [2, 4, 3]]), ("i,ij->j", [[0], [0, 3]]),
      // Size 1 repeats: where it is summed, kept, repeated in its own term, and beside nothing.
      ("ij,jk->ik", [[2, 1], [3, 4]]), ("ij,ij->ij", [[1, 3], [2, 1]]), ("ii,i->i", [[1, 1], [3]]),
      ("i,i->i", [[0], [1]]),
    ]
    // What the dots stand for, in letters.
    let dotted: [(String, [Shape], String)] = [
      ("...ij,...jk->...ik", [[5, 2, 3], [5, 3, 4]], "aij,ajk->aik"),
      ("...ij,...jk", [[2, 5, 2, 3], [1, 3, 4]], "abij,bjk->abik"),
      ("b...a,a", [[2, 3, 4], [4]], "bca,a->cb"), ("i...,i->...", [[3, 2], [3]], "ic,i->c"),
      ("...,...", [[3, 2], [2]], "ab,b->ab"), ("...ii->i...", [[2, 3, 3]], "aii->ia"),
      ("...i->i", [[2, 3]], "ai->i"), ("ij,...j->...i", [[2, 3], [3]], "ij,j->i"),
      ("...->", [[2, 2]], "ab->"),
    ]
    return [
      OperationSamples(
        "einsum",
        (cases.map { ($0, $1, $0) } + dotted).map { equation, shapes, letters in
          OperationSample(shapes.map { .init($0) }, equation) {
            einsum(equation, $0)
          } reference: {
            ReferenceArray.einsum(letters, $0)
          }
        })
    ]
  }
}
