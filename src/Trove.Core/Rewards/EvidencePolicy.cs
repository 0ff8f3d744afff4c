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
    public static readonly EvidencePolicy Default = new(8_000, [.. EvidenceKinds.All.Select(kind => new EvidenceRule(kind, 1_000, false))]);

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

    /// <summary>Records of the export, drawn by lot, are public as they are in it (specs/public-pages.md). Proves content, not whose it is.</summary>
    public const string Permalink = "permalink";

    /// <summary>The account posted the code of the wallet (specs/public-pages.md).</summary>
    public const string Post = "post";

    /// <summary>The account's public profile shows the code of the wallet (specs/public-pages.md).</summary>
    public const string Profile = "profile";

    /// <summary>Which evidence it was, by its SHA-256: worth nothing, and so no policy's. Equal results are of the same evidence.</summary>
    public const string Sealed = "sealed";

    /// <summary>All that a policy can value.</summary>
    public static readonly IReadOnlyList<string> All = [Mail, Export, Permalink, Post, Profile];

    /// <summary>The kind of a check.</summary>
    public static string Of(string check) => check is Mail or Permalink or Post or Profile or Sealed ? check : Export;

    /// <summary>
    /// How strongly a passed check of this kind shows control of the account. A mail shows that somebody reads the account's mails; a code, that
    /// who can write as the account meant this very wallet.
    /// </summary>
    public static uint ControlOf(string kind) => kind switch { Post or Profile => 2u, Mail => 1u, _ => 0u };
}
