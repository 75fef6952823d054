import SigLIPModel
import TestSupport

let dataReaders = [
  Reader(
    name: "table", share: 100,
    seeds: {
      let csv =
        "image,caption,caption_2,language\r\na.ppm,\"one, \"\"two\"\"\r\n\",x,en\r\nb.ppm,y,,\r\na.ppm,z,,de\r\n"
      let objects =
        #"{"image":"a.ppm","caption":["x","y"],"language":"en"}"# + "\n\n"
        + #"{"file_name":"b.ppm","text":"\u00e9"}"# + "\n"
      let crossmodal =
        #"{"image/key":"0a","image/locale":"fi","en":{"caption":["x","y"],"caption/tokenized":["z"]},"fi":{"caption":["å"]}}"#
      let images: [(name: String, bytes: [UInt8])] = [("a.ppm", Array("P6 1 1 255 abc".utf8))]
      return [
        Input([("table.csv", Array(csv.utf8))] + images),
        Input([("table.tsv", Array(csv.replacing(",", with: "\t").utf8))] + images),
        Input([("table.jsonl", Array(objects.utf8))] + images),
        Input([("table.jsonl", Array(crossmodal.utf8))] + images),
      ]
    },
    read: { sample in
      let options = TableOptions(mergesRows: sample.dice.once(in: 2))
      try use(TableSource(sample.path, options: options), &sample)
    }),
  Reader(
    name: "data description", share: 40,
    seeds: {
      let table = Array("image,caption\na.ppm,x\n".utf8)
      let description =
        #"{"path":"t.csv","kind":"table","languages":["en"],"imageColumn":"image","samples":"captions","weight":1.5}"#
      return [
        Input([("data.json", Array(description.utf8)), ("t.csv", table)]),
        Input([("data.json", Array(#"{"path":"t.csv"}"#.utf8)), ("t.csv", table)]),
      ]
    },
    read: { sample in
      let source = try SourceConfiguration(describedBy: sample.path).images()
      _ = try LabeledImages(source, classes: ["x", "y"]).labels(at: 0)
    }),
  Reader(
    name: "idx", share: 60,
    seeds: {
      let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40]
      return [Input([("images", images), ("labels", [0, 0, 8, 1, 0, 0, 0, 2, 1, 0])])]
    },
    read: { sample in
      try use(
        IDXSource(
          images: sample.folder + "/images", labels: sample.folder + "/labels",
          classes: ["coat", "bag"]),
        &sample)
    }),
  Reader(
    name: "tar shards", share: 150,
    seeds: {
      let image = Array("P6 1 1 255 abc".utf8)
      let archive = TarMember.archive([
        TarMember("000001.ppm", image), TarMember("000001.txt", "one"),
        TarMember("d/2.json", #"{"caption":["x","y"],"text":"z","language":"en"}"#),
        TarMember("d/2.ppm", image),
        TarMember.pax([("path", "naïve/3.ppm")]), TarMember("3.ppm", image),
        TarMember("naïve/3.txt", "three"),
      ])
      let packed = try ["gnu", "pax", "ustar"].map {
        try Seeds.fixture("shards/\($0).tar.gz", as: "a.tar.gz")
      }
      let plain = try packed.map { Input("a.tar", try Gzip.decompress($0.files[0].bytes)) }
      return plain + packed + [Input("a.tar", archive), Input("a.tar.gz", gzip(archive))]
    },
    read: { sample in
      let isSmall = sample.dice.once(in: 8)
      try use(ShardSource(sample.path, maximumUnpackedBytes: isSmall ? 4096 : 1 << 27), &sample)
    }),
]

private func use(_ source: some ImageTextSource, _ sample: inout Sample) throws {
  for index in 0..<min(source.count, 20) {
    _ = source.key(at: index).utf8.count
    sample.attempt { if try source.captions(at: index).isEmpty { fatalError("fuzz: no captions") } }
    sample.attempt {
      _ = try source.image(at: index).decoded(options: ImageReadingOptions(maximumPixels: 1 << 20))
    }
  }
}
