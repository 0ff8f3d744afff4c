namespace Trove.Core.Rewards;

/// <summary>
/// The rules of an asset: what is rewarded and what a use costs (specs/policy.md). Its hash is on chain; a change is a new version.
/// </summary>
/// <param name="SharesPerWord">Shares for one new, own-authored word of full quality.</param>
/// <param name="EpochCap">Most shares one epoch may mint; above it all rewards shrink in proportion.</param>
/// <param name="OwnerCap">Most shares one owner earns in an epoch; above it all of theirs shrink in proportion.</param>
/// <param name="HalvingWords">The first so many new words are paid in full, and each doubling of the asset as much as the one before,
/// so that a word earns half. 0: never.</param>
/// <param name="MinimumWords">Fewest own words of a contribution that is worth checking.</param>
/// <param name="Kinds">Record kinds taken, in ordinal order (<c>comment</c>, <c>post</c>, …).</param>
/// <param name="Evidence">Which evidence is asked for and what it is worth.</param>
/// <param name="Quality">How much each signal of quality counts, in basis points.</param>
/// <param name="QueryPrice">Least price of one aggregate query.</param>
/// <param name="TrainPrice">Least price of one training use.</param>
/// <param name="CopyPrice">Least price of a copy.</param>
public sealed record AssetPolicy(
    Shares SharesPerWord,
    Shares EpochCap,
    Shares OwnerCap,
    ulong HalvingWords,
    uint MinimumWords,
    IReadOnlyList<string> Kinds,
    EvidencePolicy Evidence,
    Quality Quality,
    Money QueryPrice,
    Money TrainPrice,
    Money CopyPrice)
{
    /// <summary>The rules of a founder who changes nothing: a share a word up to 10^9 an epoch; 25, 250 and 5,000 dollars a use.</summary>
    public static AssetPolicy Default(IReadOnlyList<string> kinds) => new(new Shares(Shares.One), new Shares(Shares.One * 1_000_000_000), new Shares(Shares.One * 1_000_000_000), 0, 20, kinds,
        EvidencePolicy.Default, Quality.Full, new Money(25_000_000), new Money(250_000_000), new Money(5_000_000_000));

    /// <summary>Most of <see cref="HalvingWords"/>.</summary>
    public const ulong MaxHalvingWords = 1_000_000_000_000_000;

    /// <summary>SHA-256 of the canonical bytes (specs/policy.md): the policy hash in the registry.</summary>
    public Hash32 Hash()
    {
        // The version before had no language and no entropy; where these count for nothing it still is the one that is written.
        bool earlier = Quality is { Language: 0, Entropy: 0 };
        var writer = new CanonicalWriter(earlier ? "trove/policy/2" : "trove/policy/3")
            .UInt128(SharesPerWord.Units).UInt128(EpochCap.Units).UInt128(OwnerCap.Units).UInt64(HalvingWords).UInt32(MinimumWords).UInt32((uint)Kinds.Count);
        foreach (var kind in Kinds.Order(StringComparer.Ordinal))
            writer.Text(kind);
        writer.UInt32(Evidence.Base).UInt32((uint)Evidence.Rules.Count);
        foreach (var rule in Evidence.Rules.OrderBy(r => r.Kind, StringComparer.Ordinal))
            writer.Text(rule.Kind).UInt32(rule.Worth).UInt32(rule.Required ? 1u : 0u);
        foreach (uint weight in Quality.Values.Take(earlier ? Quality.EarlierSignals : Quality.Signals))
            writer.UInt32(weight);
        return writer.UInt128(QueryPrice.Units).UInt128(TrainPrice.Units).UInt128(CopyPrice.Units).Sha256();
    }

    /// <summary>What is wrong with the policy, in words; null when it can be used.</summary>
    public string? Problem()
    {
        if (Kinds is not { Count: > 0 and <= 64 })
            return "a policy takes 1 to 64 record kinds";
        if (Kinds.Any(k => k is not { Length: > 0 and <= 32 } || !k.All(char.IsAsciiLetterLower)))
            return "record kinds are lower-case ASCII words of at most 32 letters";
        if (Kinds.Distinct(StringComparer.Ordinal).Count() != Kinds.Count)
            return "a record kind is named twice";
        if (SharesPerWord.Units == 0 || SharesPerWord.Units > Shares.One * 1_000_000)
            return "shares per word must be above 0 and at most 1,000,000";
        if (EpochCap.Units < Shares.One || EpochCap.Units > Shares.One * 1_000_000_000_000)
            return "the epoch cap must be between 1 and 10^12 shares";
        if (OwnerCap.Units < Shares.One || OwnerCap.Units > EpochCap.Units)
            return "the owner cap must be between 1 share and the epoch cap";
        if (HalvingWords > MaxHalvingWords)
            return "the halving words are at most 10^15";
        if (Evidence?.Rules is null || Evidence.Rules.Count > 16)
            return "a policy has up to 16 rules of evidence";
        if (Quality is not { IsValid: true })
            return "the weights of quality are 0 to 10,000 basis points";
        return Evidence.Problem();
    }
}
