namespace Trove.Core.Rewards;

/// <summary>What a kind of evidence is worth to an asset.</summary>
/// <param name="Kind">One of <see cref="EvidenceKinds.All"/>.</param>
/// <param name="Worth">What each passed check of it adds, in basis points.</param>
/// <param name="Required">Without one such check a contribution earns nothing.</param>
public sealed record EvidenceRule(string Kind, uint Worth, bool Required);

/// <summary>What evidence an asset asks for, and what it is worth (specs/policy.md).</summary>
/// <param name="Base">Worth of an export that contradicts itself nowhere, in basis points.</param>
/// <param name="Rules">Each kind at most once; a kind without a rule adds nothing.</param>
public sealed record EvidencePolicy(uint Base, IReadOnlyList<EvidenceRule> Rules)
{
    /// <summary>An export alone earns eight tenths; what backs it adds a tenth each.</summary>
    public static readonly EvidencePolicy Default = new(8_000, [new(EvidenceKinds.Mail, 1_000, false), new(EvidenceKinds.Export, 1_000, false)]);

    /// <summary>What is wrong with it, in words; null when it can be used.</summary>
    public string? Problem() =>
        Base > RecordScore.Full || Rules.Any(r => r is null || r.Worth > RecordScore.Full) ? "the worth of evidence is 0 to 10,000 basis points"
        : Rules.Any(r => !EvidenceKinds.All.Contains(r.Kind)) ? $"the kinds of evidence are {string.Join(", ", EvidenceKinds.All)}"
        : Rules.Select(r => r.Kind).Distinct(StringComparer.Ordinal).Count() != Rules.Count ? "a kind of evidence has two rules"
        : null;
}

/// <summary>The kinds of evidence; each check is of one, by its name.</summary>
public static class EvidenceKinds
{
    /// <summary>The export agrees with itself: its lists, headers, counts, times. Proves no origin.</summary>
    public const string Export = "export";

    /// <summary>The platform signed a mail to the account of the export (specs/evidence.md, "Mails").</summary>
    public const string Mail = "dkim";

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<string> All = [Mail, Export];

    /// <summary>The kind of a check.</summary>
    public static string Of(string check) => check == Mail ? Mail : Export;

    /// <summary>How strongly a passed check of this kind shows control of the account.</summary>
    public static uint ControlOf(string kind) => kind == Mail ? 1u : 0u;
}
