using Trove.Core;

namespace Trove.Node.Verification;

/// <summary>Somebody whom a verifier asks about a contribution gives no answer. That says nothing of the contribution: they may be asked later.</summary>
/// <param name="message">For the verifier's operator.</param>
/// <param name="code">Of the refusal, when it lasts.</param>
/// <param name="reason">What its owner is told then, after how long it has lasted: who is silent, and what to do.</param>
internal abstract class SilentException(string message, string code, Func<string, string> reason) : Exception(message)
{
    /// <summary>Such as <c>dns-silent</c>.</summary>
    public string Code => code;

    /// <summary>What its owner is told.</summary>
    public string Reason(TimeSpan lasted) => reason($"{lasted.TotalHours:0} hours");
}

/// <summary>
/// How long contributions wait for somebody who is silent (specs/evidence.md, "Silence"): six hours from the announcement, so that none is looked at
/// again and again for a week; and two hours in which this verifier found nothing but silence, so that an hour without a network refuses nobody,
/// whenever the contribution was announced. In memory: a verifier that starts anew waits two hours more. Not safe for several threads.
/// </summary>
internal sealed class Silence(TimeProvider clock)
{
    /// <summary>From the announcement on.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromHours(6);

    /// <summary>What one verifier may have been without a network.</summary>
    public static readonly TimeSpan Outage = TimeSpan.FromHours(2);

    // A try lasts a minute where others are silent, so this is a week of them, and in a week a contribution is too old.
    private const int MaxRemembered = 10_080;

    private readonly Dictionary<Hash32, long> _since = []; // by the monotonic clock

    /// <summary>Asks about a contribution.</summary>
    /// <param name="contribution">What it is about.</param>
    /// <param name="announced">The time of its announced block.</param>
    /// <param name="ask">Asks whoever may be silent.</param>
    /// <exception cref="SilentException">They are, and may be asked again.</exception>
    /// <exception cref="RefusedException">They have been for too long.</exception>
    public async Task<T> BoundAsync<T>(Hash32 contribution, DateTimeOffset announced, Func<Task<T>> ask)
    {
        try
        {
            var answer = await ask();
            _since.Remove(contribution);
            return answer;
        }
        catch (SilentException e) when (IsTooLong(contribution, announced))
        {
            throw new RefusedException(e.Code, e.Reason(Patience));
        }
    }

    private bool IsTooLong(Hash32 contribution, DateTimeOffset announced)
    {
        if (!_since.TryGetValue(contribution, out long since))
        {
            if (_since.Count == MaxRemembered)
                _since.Clear();
            _since[contribution] = since = clock.GetTimestamp();
        }
        return clock.GetUtcNow() - announced > Patience && clock.GetElapsedTime(since) > Outage;
    }
}
