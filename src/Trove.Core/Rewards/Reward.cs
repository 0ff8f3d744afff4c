using System.Globalization;

namespace Trove.Core.Rewards;

/// <summary>How a contribution's reward came about. Scores are in basis points of a word.</summary>
/// <param name="Contribution">Which contribution.</param>
/// <param name="Owner">Who earns.</param>
/// <param name="PartsRoot">What was contributed.</param>
/// <param name="OwnWords">Own-authored words.</param>
/// <param name="Score">Words times quality of all its rewarded records.</param>
/// <param name="NovelScore">The part of <paramref name="Score"/> that nobody had contributed before.</param>
/// <param name="KnownScore">The part that an earlier epoch already had.</param>
/// <param name="RepeatedScore">The part that an earlier contribution of this epoch already had.</param>
/// <param name="NearScore">The part that resembles too much what is there, or other records of its own.</param>
/// <param name="Overlap">Passages that others had before, in basis points of all.</param>
/// <param name="Quality">The signals of its text.</param>
/// <param name="WritingFactor">What the signals of the whole of it (language, entropy, pairs) make of it, in basis points.</param>
/// <param name="EvidenceFactor">In basis points.</param>
/// <param name="AccountKnown">Another wallet has shown control of the account behind it, so it earns nothing.</param>
/// <param name="Earned">Shares earned before caps.</param>
/// <param name="Amount">Shares earned.</param>
public sealed record Reward(
    Hash32 Contribution, Address Owner, Hash32 PartsRoot, ulong OwnWords,
    ulong Score, ulong NovelScore, ulong KnownScore, ulong RepeatedScore, ulong NearScore, uint Overlap,
    Quality Quality, uint WritingFactor, uint EvidenceFactor, bool AccountKnown, Shares Earned, Shares Amount)
{
    /// <summary>What is paid for, in units of 10^-8 words: new words times quality times evidence.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public UInt128 Volume => AccountKnown ? 0 : (UInt128)NovelScore * EvidenceFactor * WritingFactor / RecordScore.Full;

    /// <summary>Its records and passages are there for later epochs: not those of an account that another wallet has shown to be its own.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsRemembered => !AccountKnown;

    /// <summary>Why it earned what it earned, in one sentence for the member.</summary>
    public string Reason()
    {
        if (AccountKnown)
            return "another wallet has shown that this account is its own, and an account feeds an asset through one wallet";
        if (EvidenceFactor == 0)
            return "a check of the evidence failed, or evidence that the rules ask for is missing";
        if (Score == 0)
            return "it has no words of its owner's own";
        if (WritingFactor == 0)
            return new (uint Signal, string Why)[]
            {
                (Quality.Entropy, "its words do not follow one another: they stand as if each had been drawn from a list"),
                (PairVariety.Factor(Quality.Pairs), "its words follow one another as a machine strings them together: the same pairs again and again, or each word chosen by nothing but the one before it"),
                (Quality.Language, "its words are in no language that is known here"),
            }.MinBy(s => s.Signal).Why;
        var less = new List<string>();
        if (KnownScore > 0)
            less.Add($"{Share(KnownScore)} was already there from earlier epochs");
        if (RepeatedScore > 0)
            less.Add($"{Share(RepeatedScore)} is in a contribution announced earlier in this epoch");
        if (NearScore > 0)
            less.Add($"{Share(NearScore)} is too much like what is there, or like other records of its own");
        string why = less.Count == 0 ? "" : "; " + string.Join(", ", less);
        return NovelScore == 0
            ? $"nothing in it is new{why}"
            : $"{Number(NovelScore / RecordScore.Full)} new words by quality, evidence at {EvidenceFactor / 100} %{why}";
    }

    /// <summary>Each step from words to shares.</summary>
    public IReadOnlyList<string> Steps()
    {
        var steps = new List<string>
        {
            $"{Number(OwnWords)} own words",
            $"{Words(Score)} of them by quality ({string.Join(", ", Quality.Names.Zip(Quality.Values, (name, value) => $"{name} {Percent(value)}"))})",
        };
        if (KnownScore > 0)
            steps.Add($"- {Words(KnownScore)} that an earlier epoch has");
        if (RepeatedScore > 0)
            steps.Add($"- {Words(RepeatedScore)} that an earlier contribution of this epoch has");
        if (NearScore > 0)
            steps.Add($"- {Words(NearScore)} too much like what is there{(Overlap == 0 ? "" : $" ({Percent(Overlap)} of its passages others had before)")} or like other records of its own");
        steps.Add($"= {Words(NovelScore)} new words");
        if (WritingFactor < RecordScore.Full)
            steps.Add($"x {Percent(WritingFactor)} for language, entropy and pairs: whether somebody wrote it");
        steps.Add($"x {Percent(EvidenceFactor)} for the evidence");
        if (AccountKnown)
            steps.Add("x 0 because another wallet has shown that the account is its own");
        steps.Add($"= {Earned} shares");
        if (Amount != Earned)
            steps.Add($"= {Amount} shares after the caps of owner and epoch");
        return steps;
    }

    private static string Words(ulong score) => Number(score / RecordScore.Full);

    private static string Number(ulong value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Percent(uint basisPoints) => string.Create(CultureInfo.InvariantCulture, $"{basisPoints / 100.0:0.#} %");

    private string Share(ulong part) => string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / Score:0.#} %");
}
