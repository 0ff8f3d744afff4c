namespace Trove.Core.Rewards;

/// <summary>A contribution on its way into an epoch: attested facts and what they refer to.</summary>
public sealed record AttestedContribution(Attestation Facts, EvidenceResults Evidence, TagList Tags);

/// <summary>One leaf of an epoch's tree, as the ledger checks it.</summary>
public sealed record EpochLeaf(ulong Epoch, uint Index, Hash32 Contribution, Address Owner, Shares Amount, Hash32 PartsRoot)
{
    /// <summary>The double-hashed leaf (specs/chain.md).</summary>
    public Hash32 Hash() => MerkleTree.Leaf(new AbiWords().UInt(Epoch).UInt(Index).Bytes32(Contribution)
        .Address(Owner).UInt(Amount.Units).Bytes32(PartsRoot).Span);
}

/// <summary>
/// A closed epoch: rewards of all its contributions, and the tree over those that earned something. The same inputs
/// give the same bits on every machine, which is how m verifiers come to sign one root.
/// </summary>
public sealed class Epoch
{
    /// <summary>
    /// Most bytes of the tag lists of one epoch together. Closing over so many takes up to a gigabyte, whatever is in them: a quarter of
    /// what a small verifier has.
    /// </summary>
    public const long MaxTagBytes = 128 << 20;

    private Epoch(ulong number, Hash32 previousRoot, IReadOnlyList<Reward> rewards)
    {
        Number = number;
        PreviousRoot = previousRoot;
        Rewards = rewards;
        Leaves = [.. rewards.Where(r => r.Amount.Units > 0).OrderBy(r => r.Owner) // a stable sort
            .Select((r, i) => new EpochLeaf(number, (uint)i, r.Contribution, r.Owner, r.Amount, r.PartsRoot))];
        Tree = new MerkleTree(Leaves.Select(l => l.Hash()));
        Total = Leaves.Aggregate(default(Shares), (sum, leaf) => sum + leaf.Amount);
        TreeHash = HashRewards(number, previousRoot, rewards);
    }

    /// <summary>1, 2, 3, …</summary>
    public ulong Number { get; }

    /// <summary>Root of the epoch before; zero for the first.</summary>
    public Hash32 PreviousRoot { get; }

    /// <summary>Every contribution of the epoch in order, also those that earned nothing.</summary>
    public IReadOnlyList<Reward> Rewards { get; }

    /// <summary>Those that earned something, by owner: all of one owner are claimed with one proof and released together.</summary>
    public IReadOnlyList<EpochLeaf> Leaves { get; }

    /// <summary>The tree over <see cref="Leaves"/>.</summary>
    public MerkleTree Tree { get; }

    /// <summary>Shares to mint.</summary>
    public Shares Total { get; }

    /// <summary>SHA-256 over all rewards with their reasons: what is published beside the root.</summary>
    public Hash32 TreeHash { get; }

    /// <summary>
    /// Closes an epoch. Contributions are taken in the order of (announced block, contribution id); a record counts for
    /// the first that has it; an account that another wallet has shown control of earns nothing.
    /// </summary>
    /// <param name="number">Number of the epoch, from 1.</param>
    /// <param name="previousRoot">Root of the epoch before.</param>
    /// <param name="policy">The rules.</param>
    /// <param name="index">What earlier epochs had; it is read, not changed.</param>
    /// <param name="contributions">All contributions attested for it.</param>
    public static Epoch Close(ulong number, Hash32 previousRoot, AssetPolicy policy, NoveltyIndex index,
        IEnumerable<AttestedContribution> contributions)
    {
        var seen = new NoveltyIndex();
        var rewards = new List<Reward>();
        foreach (var contribution in InOrder(contributions))
        {
            var (facts, evidence) = (contribution.Facts, contribution.Evidence);
            var novelty = Novelty.Of(contribution.Tags, index, seen);
            bool accountKnown = IsOthers(index) || IsOthers(seen);
            if (!accountKnown)
                seen.Add(contribution);
            rewards.Add(new Reward(facts.Contribution, facts.Owner, facts.PartsRoot, facts.Words, novelty.Score, novelty.Novel, novelty.Known, novelty.Repeated,
                novelty.Near, novelty.Overlap, contribution.Tags.Quality, contribution.Tags.Quality.WritingFactor(policy.Quality), evidence.Factor(policy.Evidence), accountKnown, default, default));

            bool IsOthers(NoveltyIndex where) => where.OwnerOf(facts.Nullifier) is { } owner && owner.Owner != facts.Owner && owner.Control >= evidence.Control();
        }
        return new Epoch(number, previousRoot, Pay.Rewards(policy, index.Volume, rewards));
    }

    /// <summary>An epoch from its published rewards; its hashes show whether they are the ones that were signed.</summary>
    public static Epoch FromRewards(ulong number, Hash32 previousRoot, IReadOnlyList<Reward> rewards) => new(number, previousRoot, rewards);

    /// <summary>The order in which contributions are taken: who announced first has the record first.</summary>
    public static IEnumerable<AttestedContribution> InOrder(IEnumerable<AttestedContribution> contributions) =>
        contributions.OrderBy(c => Order(c.Facts));

    internal static (ulong AnnouncedBlock, Hash32 Contribution) Order(Attestation facts) => (facts.AnnouncedBlock, facts.Contribution);

    private static Hash32 HashRewards(ulong number, Hash32 previousRoot, IReadOnlyList<Reward> rewards)
    {
        // The version before had no language and no entropy; where these take nothing away it still is the one that is written.
        bool earlier = rewards.All(r => r.Quality is { Language: RecordScore.Full, Entropy: RecordScore.Full });
        var writer = new CanonicalWriter(earlier ? "trove/epoch/2" : "trove/epoch/3").UInt64(number).Hash(previousRoot).UInt32((uint)rewards.Count);
        foreach (var r in rewards)
        {
            writer.Hash(r.Contribution).Address(r.Owner).Hash(r.PartsRoot).UInt64(r.OwnWords).UInt64(r.Score).UInt64(r.NovelScore).UInt64(r.KnownScore)
                .UInt64(r.RepeatedScore).UInt64(r.NearScore).UInt32(r.Overlap);
            foreach (uint signal in r.Quality.Values.Take(earlier ? Quality.EarlierSignals : Quality.Signals))
                writer.UInt32(signal);
            writer.UInt32(r.WritingFactor).UInt32(r.EvidenceFactor).UInt32(r.AccountKnown ? 1u : 0u).UInt128(r.Earned.Units).UInt128(r.Amount.Units);
        }
        return writer.Sha256();
    }
}
