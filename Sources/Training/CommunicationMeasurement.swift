/// What ranks do for each other from one logged step to the next.
struct CommunicationMeasurement {
  private let communicator: any Communicator
  private let clock = ContinuousClock()
  private var begin = ContinuousClock.now
  private var (sent, waited) = (0, Duration.zero)

  init(_ communicator: any Communicator) { self.communicator = communicator }

  /// Begins anew.
  mutating func start() {
    begin = clock.now
    (sent, waited) = (communicator.meter.sentBytes, communicator.meter.waited)
  }

  /// What the leader sent since the last time, and how much of the time each rank waited for others: one that waits little is
  /// waited for. Nothing where there is one rank; else every rank has to ask.
  ///
  /// - Throws: ``CommunicationError``.
  mutating func measurements() throws -> [String: Double] {
    if communicator.size == 1 { return [:] }
    let elapsed = max((clock.now - begin).seconds, 1e-9)
    let meter = communicator.meter
    var numbers = ["MiB sent": Double(meter.sentBytes - sent) / 1_048_576]
    let shares = try communicator.allGather((meter.waited - waited).seconds / elapsed)
    for (rank, share) in shares.enumerated() { numbers["share of time waiting for ranks/\(rank)"] = share }
    start()
    return numbers
  }
}
