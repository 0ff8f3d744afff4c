namespace Trove.Core;

/// <summary>What verifiers' answers on a contribution come to.</summary>
public enum Decision
{
    /// <summary>Too few agree so far.</summary>
    Open,

    /// <summary>As many as must agree found the same facts.</summary>
    Attested,

    /// <summary>It cannot be attested any more, and somebody refused it.</summary>
    Refused,

    /// <summary>Nobody refused it, and no facts can come to as many any more.</summary>
    Disagreed,
}

/// <summary>
/// Decides by the answers of the verifiers who were drawn (specs/evidence.md, "Answers"): m of equal facts attest. Those drawn after the first m are
/// a reserve, called when the called ones have answered and do not agree, or are silent. Pure: the order of answers changes nothing.
/// </summary>
/// <param name="Decision">What it comes to.</param>
/// <param name="Call">How many more of the reserve to call now.</param>
public readonly record struct Verdict(Decision Decision, int Call)
{
    /// <summary>How many are drawn beyond those who must agree, where there are as many.</summary>
    public const int Reserve = 2;

    /// <summary>How many of a set of verifiers are drawn.</summary>
    public static int Drawn(int verifiers, int mustAgree) => Math.Min(verifiers, mustAgree + Reserve);

    /// <summary>What answers come to.</summary>
    /// <param name="answers">One of each verifier that has answered: the facts it found; null: it refuses.</param>
    /// <param name="mustAgree">m.</param>
    /// <param name="called">How many were called, these included.</param>
    /// <param name="drawn">How many were drawn, these included.</param>
    public static Verdict Of<T>(IReadOnlyCollection<T?> answers, int mustAgree, int called, int drawn) where T : class
    {
        int refusals = answers.Count(a => a is null);
        int agree = answers.OfType<T>().CountBy(a => a).Select(g => g.Value).DefaultIfEmpty().Max();
        if (agree >= mustAgree)
            return new(Decision.Attested, 0);
        if (refusals >= mustAgree || agree + (drawn - answers.Count) < mustAgree)
            return new(refusals > 0 ? Decision.Refused : Decision.Disagreed, 0);
        int missing = mustAgree - Math.Max(agree, refusals);
        return new(Decision.Open, answers.Count < called ? 0 : Math.Min(missing, drawn - called));
    }
}
