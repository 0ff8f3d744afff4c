using System.Numerics;

namespace Trove.Core.Rewards;

/// <summary>
/// From what is new to shares: pure functions of an epoch as a whole, in which neither the order of arrival nor how a member divides an
/// export over files and wallets changes what it is paid (specs/policy.md).
/// </summary>
public static class Pay
{
    /// <summary>Units of <see cref="Reward.Volume"/> in a word.</summary>
    public const ulong VolumeOfWord = (ulong)RecordScore.Full * RecordScore.Full;

    /// <summary>Fills in what each contribution earned, and what the caps leave of it.</summary>
    /// <param name="policy">The rules.</param>
    /// <param name="before">Volume of earlier epochs.</param>
    /// <param name="drafts">The epoch's contributions, without amounts.</param>
    public static IReadOnlyList<Reward> Rewards(AssetPolicy policy, UInt128 before, IReadOnlyList<Reward> drafts)
    {
        var added = drafts.Aggregate(BigInteger.Zero, (sum, d) => sum + d.Volume);
        // All new words of an epoch earn the same, whoever brought them: what the asset's growth is worth over how much that is.
        var worth = Worth(policy, before + added) - Worth(policy, before);
        var earned = drafts.Select(d => added.IsZero ? default
            : policy.SharesPerWord.Units * (BigInteger)d.Volume * worth / (added * VolumeOfWord << WorthBits)).ToList();

        var ofOwner = new Dictionary<Address, BigInteger>();
        for (int i = 0; i < drafts.Count; i++)
            ofOwner[drafts[i].Owner] = ofOwner.GetValueOrDefault(drafts[i].Owner) + earned[i];
        BigInteger ownerCap = policy.OwnerCap.Units, epochCap = policy.EpochCap.Units;
        var capped = drafts.Select((d, i) => ofOwner[d.Owner] > ownerCap ? earned[i] * ownerCap / ofOwner[d.Owner] : earned[i]).ToList();
        var sum = capped.Aggregate(BigInteger.Zero, (s, amount) => s + amount);
        return [.. drafts.Select((d, i) => d with
        {
            Earned = new Shares((UInt128)earned[i]),
            Amount = new Shares((UInt128)(sum > epochCap ? capped[i] * epochCap / sum : capped[i])),
        })];
    }

    private const int WorthBits = 64;

    // What an asset of this volume has been paid for in all, in volume times 2^64: all of it up to the policy's halving words, then half of
    // these for each doubling. Straight between powers of two, so that it is exact.
    private static BigInteger Worth(AssetPolicy policy, BigInteger volume)
    {
        var from = (BigInteger)policy.HalvingWords * VolumeOfWord;
        if (from.IsZero || volume <= from)
            return volume << WorthBits;
        var worth = from << WorthBits;
        for (int halvings = 1; halvings < WorthBits && volume > from; halvings++, from *= 2)
            worth += (BigInteger.Min(volume, 2 * from) - from) << (WorthBits - halvings);
        return worth;
    }
}
