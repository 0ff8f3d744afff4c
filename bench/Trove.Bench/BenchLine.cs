namespace Trove.Bench;

/// <summary>One measure of one bench.</summary>
/// <param name="Bench">The bench's name.</param>
/// <param name="What">What was measured.</param>
/// <param name="Ours">Our median, in <paramref name="Unit"/>.</param>
/// <param name="Unit">Such as MB/s.</param>
/// <param name="Peer">The peer's median in the same run; null when it is absent.</param>
/// <param name="PeerName">The peer with its version, or why it is absent.</param>
/// <param name="Ratio">Median over pairs of ours against the peer, larger is better; null without a peer.</param>
/// <param name="Goal">The ratio aimed for.</param>
/// <param name="Met">Was it reached; null without a peer.</param>
public sealed record BenchLine(string Bench, string What, double Ours, string Unit, double? Peer, string PeerName, double? Ratio, double? Goal, bool? Met);
