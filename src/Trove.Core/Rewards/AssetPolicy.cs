namespace Trove.Core.Rewards;

/// <summary>
/// The rules of an asset: what is rewarded and what a use costs. Its hash is on chain; a change is a new version.
/// </summary>
/// <param name="SharesPerWord">Shares for one new, own-authored word of full quality.</param>
/// <param name="EpochCap">Most shares one epoch may mint; above it all rewards shrink in proportion.</param>
/// <param name="MinimumWords">Fewest own words of a contribution that is worth checking.</param>
/// <param name="Kinds">Record kinds taken, in ordinal order (<c>comment</c>, <c>post</c>, …).</param>
/// <param name="QueryPrice">Least price of one aggregate query.</param>
/// <param name="TrainPrice">Least price of one training use.</param>
/// <param name="CopyPrice">Least price of a copy.</param>
public sealed record AssetPolicy(
    Shares SharesPerWord,
    Shares EpochCap,
    uint MinimumWords,
    IReadOnlyList<string> Kinds,
    Money QueryPrice,
    Money TrainPrice,
    Money CopyPrice)
{
    /// <summary>SHA-256 of the canonical bytes (specs/rewards.md): the policy hash in the registry.</summary>
    public Hash32 Hash()
    {
        var writer = new CanonicalWriter("trove/policy/1")
            .UInt128(SharesPerWord.Units).UInt128(EpochCap.Units).UInt32(MinimumWords).UInt32((uint)Kinds.Count);
        foreach (var kind in Kinds.Order(StringComparer.Ordinal))
            writer.Text(kind);
        return writer.UInt128(QueryPrice.Units).UInt128(TrainPrice.Units).UInt128(CopyPrice.Units).Sha256();
    }

    /// <summary>What is wrong with the policy, in words; null when it can be used.</summary>
    public string? Problem()
    {
        if (Kinds.Count is 0 or > 64)
            return "a policy takes 1 to 64 record kinds";
        if (Kinds.Any(k => k is not { Length: > 0 and <= 32 } || !k.All(char.IsAsciiLetterLower)))
            return "record kinds are lower-case ASCII words of at most 32 letters";
        if (Kinds.Distinct(StringComparer.Ordinal).Count() != Kinds.Count)
            return "a record kind is named twice";
        if (SharesPerWord.Units == 0 || SharesPerWord.Units > Shares.One * 1_000_000)
            return "shares per word must be above 0 and at most 1,000,000";
        if (EpochCap.Units < Shares.One || EpochCap.Units > Shares.One * 1_000_000_000_000)
            return "the epoch cap must be between 1 and 10^12 shares";
        return null;
    }
}
