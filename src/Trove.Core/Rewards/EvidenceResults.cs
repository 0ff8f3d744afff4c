namespace Trove.Core.Rewards;

/// <summary>What a check of the evidence found.</summary>
public enum CheckOutcome
{
    /// <summary>The evidence for it was not there; proves nothing either way.</summary>
    Absent,

    /// <summary>It holds.</summary>
    Passed,

    /// <summary>It contradicts the export.</summary>
    Failed,
}

/// <summary>One named check of a contribution's evidence.</summary>
/// <param name="Name">Such as <c>reddit.checkfile</c>; at most 64 characters.</param>
/// <param name="Outcome">What was found.</param>
/// <param name="Detail">In words, without anything from the export; at most 200 characters.</param>
public sealed record EvidenceCheck(string Name, CheckOutcome Outcome, string Detail);

/// <summary>
/// The named results of the checks of one contribution. Each kind of evidence stays under its own name; the factor
/// that enters the reward is computed from them, never declared.
/// </summary>
public sealed record EvidenceResults(IReadOnlyList<EvidenceCheck> Checks)
{
    /// <summary>What an export that contradicts itself nowhere is worth, in basis points.</summary>
    public const uint Base = 8_000;

    /// <summary>What each passed check adds, up to the full 10,000.</summary>
    public const uint PerCheck = 1_000;

    /// <summary>SHA-256 of the canonical bytes, with the checks in the order of their names.</summary>
    public Hash32 Hash()
    {
        var writer = new CanonicalWriter("trove/evidence-results/1").UInt32((uint)Checks.Count);
        foreach (var check in Checks.OrderBy(c => c.Name, StringComparer.Ordinal))
            writer.Text(check.Name).UInt32((uint)check.Outcome).Text(check.Detail);
        return writer.Sha256();
    }

    /// <summary>The evidence factor in basis points; zero when any check failed.</summary>
    public uint Factor() => Checks.Any(c => c.Outcome == CheckOutcome.Failed)
        ? 0
        : Math.Min(RecordScore.Full, Base + PerCheck * (uint)Checks.Count(c => c.Outcome == CheckOutcome.Passed));

    /// <summary>What is wrong with the results as a message from outside; null when they are within bounds.</summary>
    public string? Problem() =>
        Checks.Count > 64 || Checks.Any(c => c is not { Name.Length: > 0 and <= 64, Detail.Length: <= 200 } || !Enum.IsDefined(c.Outcome))
            || Checks.Select(c => c.Name).Distinct(StringComparer.Ordinal).Count() != Checks.Count
            ? "evidence results hold at most 64 checks with distinct names of 1 to 64 and details of at most 200 characters"
            : null;
}
