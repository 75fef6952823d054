import Foundation
import Tensor

let arrayReaders = [
  Reader(
    name: "safetensors", share: 300,
    seeds: {
      try [
        Seeds.fixture("files/types.safetensors"), Seeds.fixture("siglip_family/positions.safetensors"),
        Seeds.written("small.safetensors") { path in
          try SafetensorsFile.write(
            ["a": Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]), "b": Tensor(1), "c": .zeros([0, 4])], to: path)
        },
      ]
    },
    read: { sample in
      let file = try SafetensorsFile(sample.path)
      for name in file.names {
        sample.attempt { use(try file.tensor(named: name)) }
        sample.attempt { _ = try file.indices(named: name).values.last }
        sample.attempt { _ = try file.bytes(named: name).count }
      }
    }),
  Reader(
    name: "npy", share: 250,
    seeds: {
      try ["bfloat16", "big_endian", "column_major", "row_major", "scalar", "text"].map {
        try Seeds.fixture("files/\($0).npy")
      }
    },
    read: { sample in
      let path = sample.path
      sample.attempt { _ = try NPYFile.indices(path).values.last }
      use(try NPYFile.tensor(path))
    }),
  Reader(
    name: "torch", share: 250,
    seeds: { try ["state", "training", "script"].map { try Seeds.fixture("torch_files/\($0).pt") } },
    read: { sample in
      let file = try TorchFile(sample.path)
      for name in file.names {
        _ = file.entry(named: name)
        sample.attempt { use(try file.tensor(named: name)) }
      }
    }),
  Reader(
    name: "npz", share: 250,
    seeds: {
      try [
        Seeds.fixture("files/deflated.npz"),
        Seeds.written("small.npz") { path in
          try NPZFile.write(
            ["a": Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]), "params/b/c": Tensor(1)], to: path)
        },
      ]
    },
    read: { sample in
      let file = try NPZFile(sample.path)
      for name in file.names {
        sample.attempt { _ = try file.entry(named: name) }
        sample.attempt { use(try file.tensor(named: name)) }
        sample.attempt { _ = try file.indices(named: name).values.last }
        sample.attempt { _ = try file.bytes(named: name).count }
      }
    }),
  Reader(
    name: "gzip", share: 150, isOnDisk: false, seeds: { try [Seeds.fixture("tokenizers/clip.txt.gz")] },
    read: { sample in _ = try Gzip.decompress(sample.bytes) }),
]
