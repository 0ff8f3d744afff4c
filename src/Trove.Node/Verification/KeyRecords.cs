using Trove.Crypto.Dkim;

namespace Trove.Node.Verification;

/// <summary>
/// Asks the DNS for the keys of one contribution's mails. A failure is asked about again, since a resolver that fails at once would bring the same
/// work back at once; a minute for all of them, since each of their signatures may name another server that never answers.
/// </summary>
/// <param name="lookup">Asks the DNS for TXT records.</param>
/// <param name="clock">For the minute.</param>
internal sealed class KeyRecords(Func<string, CancellationToken, Task<TxtAnswer>> lookup, TimeProvider clock)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);

    private readonly long _started = clock.GetTimestamp();

    /// <summary>The TXT records of a name; failed when the minute is over.</summary>
    public async Task<TxtAnswer> FindAsync(string name, CancellationToken ct)
    {
        while (clock.GetElapsedTime(_started) < VerifierProcess.Patience)
        {
            if (await lookup(name, ct) is { Failed: false } answer)
                return answer;
            await Task.Delay(Pause, clock, ct);
        }
        return new TxtAnswer([], Failed: true);
    }
}
