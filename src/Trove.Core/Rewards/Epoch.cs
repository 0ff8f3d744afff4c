using System.Numerics;

namespace Trove.Core.Rewards;

/// <summary>A contribution on its way into an epoch: attested facts and what they refer to.</summary>
public sealed record AttestedContribution(Attestation Facts, EvidenceResults Evidence, TagList Tags);

/// <summary>How a contribution's reward came about. Scores are in basis points of a word.</summary>
/// <param name="Contribution">Which contribution.</param>
/// <param name="Owner">Who earns.</param>
/// <param name="PartsRoot">What was contributed.</param>
/// <param name="OwnWords">Own-authored words.</param>
/// <param name="Score">Words times quality of all its rewarded records.</param>
/// <param name="NovelScore">The part of <paramref name="Score"/> that nobody had contributed before.</param>
/// <param name="KnownScore">The part that an earlier epoch already had.</param>
/// <param name="RepeatedScore">The part that an earlier contribution of this epoch already had.</param>
/// <param name="EvidenceFactor">In basis points.</param>
/// <param name="AccountKnown">The account behind it has fed this asset before, so it earns nothing.</param>
/// <param name="Amount">Shares earned.</param>
public sealed record Reward(
    Hash32 Contribution, Address Owner, Hash32 PartsRoot, ulong OwnWords,
    ulong Score, ulong NovelScore, ulong KnownScore, ulong RepeatedScore, uint EvidenceFactor, bool AccountKnown, Shares Amount)
{
    /// <summary>Why it earned what it earned, in one sentence for the member.</summary>
    public string Reason()
    {
        if (AccountKnown)
            return "its account has contributed to this asset before, and an account feeds an asset once";
        if (EvidenceFactor == 0)
            return "a check of the evidence failed";
        if (Score == 0)
            return "it has no words of its owner's own";
        string known = (KnownScore, RepeatedScore) switch
        {
            (0, 0) => "",
            (_, 0) => $"; {Share(KnownScore)} was already there from earlier epochs",
            (0, _) => $"; {Share(RepeatedScore)} is in a contribution announced earlier in this epoch",
            _ => $"; {Share(KnownScore)} was already there from earlier epochs and {Share(RepeatedScore)} is in contributions announced earlier in this epoch",
        };
        return NovelScore == 0
            ? $"nothing in it is new{known}"
            : $"{NovelScore / RecordScore.Full:N0} new words by quality, evidence at {EvidenceFactor / 100} %{known}";
    }

    private string Share(ulong part) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{100.0 * part / Score:0.#} %");
}

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
    /// Closes an epoch. Contributions are taken in the order of (beacon block, contribution id); a record counts for
    /// the first that has it; a nullifier seen before earns nothing.
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
        var drafts = new List<(AttestedContribution From, ulong Score, ulong Novel, ulong Known, ulong Repeated, bool AccountKnown, BigInteger Amount)>();
        foreach (var contribution in InOrder(contributions))
        {
            ulong score = 0, novel = 0, known = 0, repeated = 0;
            foreach (var entry in contribution.Tags.Entries)
            {
                score += entry.Score;
                if (index.HasRecord(entry.Tag))
                    known += entry.Score;
                else if (seen.HasRecord(entry.Tag))
                    repeated += entry.Score;
                else
                    novel += entry.Score;
            }
            var account = contribution.Facts.Nullifier;
            bool accountKnown = index.HasAccount(account) || seen.HasAccount(account);
            var amount = accountKnown
                ? BigInteger.Zero
                : (BigInteger)policy.SharesPerWord.Units * novel * contribution.Evidence.Factor() / RecordScore.Full / RecordScore.Full;
            if (!accountKnown)
                seen.Add(contribution);
            drafts.Add((contribution, score, novel, known, repeated, accountKnown, amount));
        }

        var wanted = drafts.Aggregate(BigInteger.Zero, (sum, d) => sum + d.Amount);
        var cap = (BigInteger)policy.EpochCap.Units;
        return new Epoch(number, previousRoot, [.. drafts.Select(d => new Reward(
            d.From.Facts.Contribution, d.From.Facts.Owner, d.From.Facts.PartsRoot, d.From.Facts.Words,
            d.Score, d.Novel, d.Known, d.Repeated, d.From.Evidence.Factor(), d.AccountKnown,
            new Shares((UInt128)(wanted > cap ? d.Amount * cap / wanted : d.Amount))))]);
    }

    /// <summary>An epoch from its published rewards; its hashes show whether they are the ones that were signed.</summary>
    public static Epoch FromRewards(ulong number, Hash32 previousRoot, IReadOnlyList<Reward> rewards) => new(number, previousRoot, rewards);

    /// <summary>The order in which contributions are taken: who announced first has the record first.</summary>
    public static IEnumerable<AttestedContribution> InOrder(IEnumerable<AttestedContribution> contributions) =>
        contributions.OrderBy(c => c.Facts.BeaconBlock).ThenBy(c => c.Facts.Contribution);

    private static Hash32 HashRewards(ulong number, Hash32 previousRoot, IReadOnlyList<Reward> rewards)
    {
        var writer = new CanonicalWriter("trove/epoch/1").UInt64(number).Hash(previousRoot).UInt32((uint)rewards.Count);
        foreach (var r in rewards)
            writer.Hash(r.Contribution).Address(r.Owner).Hash(r.PartsRoot).UInt64(r.OwnWords).UInt64(r.Score)
                .UInt64(r.NovelScore).UInt64(r.KnownScore).UInt64(r.RepeatedScore).UInt32(r.EvidenceFactor).UInt32(r.AccountKnown ? 1u : 0u).UInt128(r.Amount.Units);
        return writer.Sha256();
    }
}
