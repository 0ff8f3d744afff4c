namespace Trove.Core.Payouts;

/// <summary>Where the shares of one contribution stand. What was handed out, is ready, unvested, lapsing and lapsed is the whole.</summary>
/// <param name="Epoch">The epoch they were earned in.</param>
/// <param name="Amount">All of them.</param>
/// <param name="Steps">In so many steps they vest.</param>
/// <param name="Due">So many of them have vested.</param>
/// <param name="Taken">So many were handed out.</param>
/// <param name="HandedOut">Shares the ledger has handed to the owner.</param>
/// <param name="Ready">Vested, and still with the ledger.</param>
/// <param name="Unvested">Vest with later epochs, unless the contribution is withdrawn before.</param>
/// <param name="Lapsing">Of a withdrawn contribution: lapse with the next claim.</param>
/// <param name="Lapsed">Burnt.</param>
public sealed record VestingState(ulong Epoch, Shares Amount, int Steps, int Due, int Taken,
    Shares HandedOut, Shares Ready, Shares Unvested, Shares Lapsing, Shares Lapsed)
{
    /// <summary>In one sentence for the member.</summary>
    public string InWords()
    {
        var parts = new List<string> { $"{HandedOut} yours" };
        if (Ready.Units > 0)
            parts.Add($"{Ready} vested and ready");
        if (Unvested.Units > 0)
            parts.Add($"{Unvested} to come over {Steps - Due} more {(Steps - Due == 1 ? "epoch" : "epochs")}");
        if (Lapsing.Units > 0)
            parts.Add($"{Lapsing} lapse, because it was withdrawn");
        if (Lapsed.Units > 0)
            parts.Add($"{Lapsed} lapsed when it was withdrawn");
        return $"{Amount} shares: {string.Join(", ", parts)}{(Unvested.Units > 0 ? $"; leave now and you lose {Unvested}" : "")}";
    }

    /// <summary>Each step from shares earned to shares held.</summary>
    public IReadOnlyList<string> Explain() =>
    [
        $"vest in {Steps} {(Steps == 1 ? "step" : "steps")}, one with each epoch after epoch {Epoch}",
        .. Enumerable.Range(1, Steps).Select(n => $"epoch {Epoch + (ulong)n}: {Step(n)} shares, {Became(n)}"),
    ];

    private Shares Step(int n) => new Vesting(Steps) is var vesting ? vesting.Of(Amount, n) - vesting.Of(Amount, n - 1) : default;

    private string Became(int n) => n <= Taken ? "yours" : n <= Due ? "vested and ready" : Unvested.Units > 0 ? "to come" : Lapsing.Units > 0 ? "lapse" : "lapsed";
}
