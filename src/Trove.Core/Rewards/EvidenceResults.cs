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
    /// <summary>SHA-256 of the canonical bytes, with the checks in the order of their names.</summary>
    public Hash32 Hash()
    {
        var writer = new CanonicalWriter("trove/evidence-results/1").UInt32((uint)Checks.Count);
        foreach (var check in Checks.OrderBy(c => c.Name, StringComparer.Ordinal))
            writer.Text(check.Name).UInt32((uint)check.Outcome).Text(check.Detail);
        return writer.Sha256();
    }

    /// <summary>
    /// The evidence factor in basis points: what an export that contradicts itself nowhere is worth, and what each passed check adds
    /// by its kind; zero when any check failed, or none of a kind passed that the policy asks for.
    /// </summary>
    public uint Factor(EvidencePolicy policy)
    {
        if (Checks.Any(c => c.Outcome == CheckOutcome.Failed) || Missing(policy).Any())
            return 0;
        ulong worth = policy.Base;
        foreach (var rule in policy.Rules)
            worth += rule.Worth * (ulong)Passed(rule.Kind);
        return (uint)Math.Min(RecordScore.Full, worth);
    }

    /// <summary>Kinds of evidence that the policy asks for and that are not there.</summary>
    public IEnumerable<string> Missing(EvidencePolicy policy) => policy.Rules.Where(r => r.Required && Passed(r.Kind) == 0).Select(r => r.Kind);

    /// <summary>
    /// How strong the evidence is that the account is its owner's: 0 when nothing shows it, for whoever forges an export names whom they
    /// like. Stronger evidence takes an account over from weaker.
    /// </summary>
    public uint Control() => Checks.Where(c => c.Outcome == CheckOutcome.Passed).Select(c => EvidenceKinds.ControlOf(EvidenceKinds.Of(c.Name))).DefaultIfEmpty().Max();

    /// <summary>
    /// All that a reward hangs on, which is none of the details' words: a hundred thousand contributions' lie in memory together, and their
    /// words are more than all else of short ones. It has another hash.
    /// </summary>
    public EvidenceResults WithoutDetails() => new([.. Checks.Select(c => new EvidenceCheck(string.IsInterned(c.Name) ?? c.Name, c.Outcome, ""))]);

    private int Passed(string kind) => Checks.Count(c => c.Outcome == CheckOutcome.Passed && EvidenceKinds.Of(c.Name) == kind);

    /// <summary>What is wrong with the results as a message from outside; null when they are within bounds.</summary>
    public string? Problem() =>
        Checks.Count > 64 || Checks.Any(c => c is not { Name.Length: > 0 and <= 64, Detail.Length: <= 200 } || !Enum.IsDefined(c.Outcome))
            || Checks.Select(c => c.Name).Distinct(StringComparer.Ordinal).Count() != Checks.Count
            ? "evidence results hold at most 64 checks with distinct names of 1 to 64 and details of at most 200 characters"
            : null;
}
