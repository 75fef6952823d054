import ArgumentParser
import Distributed
import Foundation
import SigLIPModel

/// Foretells how long a step takes of as many ranks as there are; `Documentation/distributed-cost.md` derives the formulas.
@main struct SimulateRanks: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate-ranks",
    abstract: "Foretells a step's time, bytes and memory for 1, 2, 4, ... ranks that train one model.",
    discussion: """
      A machine is described by a JSON file, whose keys are the properties of Machine.swift; what it does not say is as there.
      Example: simulate-ranks B/16-224 --batch 32768 --ranks 64 --network 25 --network 100 --chart efficiency.svg
      """)

  @Argument(help: "Models by name, or files of configurations.")
  var models = ["B/16-224", "So400m/14-384"]
  @Option(help: "Pairs of a batch.") var batch = 32_768
  @Option(help: "Most ranks.") var ranks = 1024
  @Option(help: "Shards of a batch; as many as siglip train takes if not given.") var shards: Int?
  @Option(help: "Pairs that towers embed at a time; 0 for all of a shard.") var microbatch = 8
  @Option(help: "The machine.") var machine: String?
  @Option(help: "Ranks of a node.") var ranksPerNode: Int?
  @Option(help: "Threads of a rank.") var threads: Int?
  @Option(
    name: .customLong("network"), parsing: .singleValue,
    help: "Gbit/s between nodes, in each direction; may be repeated.")
  var networks: [Double] = []
  @Option(help: "Microseconds between nodes.") var latency: Double?
  @Flag(help: "Nothing travels while ranks compute.") var noOverlap = false
  @Option(help: "Where to draw efficiency against ranks.") var chart: String?

  func validate() throws {
    for (name, value) in [("--batch", batch), ("--ranks", ranks), ("--threads", threads ?? 1)]
    where !(1...1 << 24 ~= value) {
      throw ValidationError("\(name) \(value): expected 1 to \(1 << 24)")
    }
    if microbatch < 0 { throw ValidationError("--microbatch \(microbatch): expected 0 or more") }
    if ranksPerNode ?? 1 < 1 { throw ValidationError("--ranks-per-node: expected 1 or more") }
    if networks.contains(where: { $0 <= 0 }) { throw ValidationError("--network: expected more than 0") }
    if latency ?? 0 < 0 { throw ValidationError("--latency: expected 0 or more") }
    if let shards, shards < ranks { throw ValidationError("--shards \(shards): expected one for each rank") }
    if batch < ranks { throw ValidationError("--batch \(batch): expected a pair for each rank") }
  }

  func run() throws {
    let models = try models.map { ModelSizes($0, try configuration($0)) }
    let machine = try chosenMachine()
    let panels = (networks.isEmpty ? [machine.network.bytesPerSecond * 8 / 1e9] : networks).map { gigabits in
      var machine = machine
      machine.network.bytesPerSecond = gigabits * 1e9 / 8
      let title = String(format: "%g Gbit/s between nodes", gigabits)
      return Chart.Panel(title: title, curves: curves(of: models, machine, title))
    }
    guard let chart else { return }
    let picture = Chart(
      title:
        "Predicted efficiency of a step with a batch of \(batch.formatted(.number.locale(Locale(identifier: "en")))) pairs",
      subtitle:
        "Against one rank; \(machine.ranksPerNode) ranks of \(machine.threadsPerRank) threads on each node",
      panels: panels)
    try Data(picture.svg.utf8).write(to: URL(filePath: chart))
  }

  /// Prints what is expected of models on one machine.
  private func curves(of models: [ModelSizes], _ machine: Machine, _ title: String) -> [Chart.Curve] {
    models.indices.flatMap { index in
      let model = models[index]
      print(
        "\n\(model.name): \(model.parameters / 1_000_000) million parameters, "
          + "\(model.multiplyAdds / 1_000_000) million multiply-adds a pair, batch \(batch), \(title)")
      return [PairDistribution.gather, .shift].map { distribution in
        let table = Table(predictions(of: model, machine, distribution))
        print("\n\(distribution.rawValue)\n\(table)")
        return Chart.Curve(
          name: "\(model.name), \(distribution.rawValue)", model: index, isDotted: distribution == .shift,
          points: table.efficiencies)
      }
    }
  }

  private func chosenMachine() throws -> Machine {
    var machine = try Machine(path: machine)
    if let ranksPerNode { machine.ranksPerNode = ranksPerNode }
    if let threads { machine.threadsPerRank = threads }
    if let latency { machine.network.latency = latency * 1e-6 }
    if noOverlap { machine.overlaps = false }
    return machine
  }

  private func configuration(_ name: String) throws -> SigLIPConfiguration {
    if !FileManager.default.fileExists(atPath: name) { return try SigLIPConfiguration(named: name) }
    return try JSONDecoder().decode(SigLIPConfiguration.self, from: Data(contentsOf: URL(filePath: name)))
  }

  private func predictions(of model: ModelSizes, _ machine: Machine, _ distribution: PairDistribution)
    -> [(ranks: Int, prediction: Step.Prediction)]
  {
    sequence(first: 1) { $0 * 2 }.prefix { $0 <= ranks }.map { ranks in
      let step = Step(
        model: model, machine: machine, ranks: ranks, batch: batch, shards: shards,
        microbatch: microbatch == 0 ? nil : microbatch, distribution: distribution)
      return (ranks, step.predict())
    }
  }
}
