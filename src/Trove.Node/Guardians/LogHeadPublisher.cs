using Microsoft.Extensions.Logging;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Guardians;

/// <summary>
/// Publishes the head of a guardian's log at its node, at most once a minute. Before the first entry of a process it asks for what was
/// published: a log that was brought back from a backup must not go on in place of entries that others know the head of.
/// </summary>
internal sealed class LogHeadPublisher(TroveClient node, SigningKey key, GuardianLog journal, ILogger logger, TimeProvider clock)
{
    private const int MaxCompared = 20;
    private (uint Chain, ulong Count) _published;
    private long? _last; // when one was sent, by the monotonic clock
    private readonly SemaphoreSlim _gate = new(1); // uses and questions are answered side by side
    private bool _compared;

    /// <summary>Begins another chain if the node shows a head of this guardian that its log has not. Once in a process.</summary>
    /// <exception cref="TroveApiException">The node cannot be asked; then nothing may be written.</exception>
    public async Task CompareAsync(ulong chainId, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            if (!_compared)
                await CompareOnceAsync(chainId, ct);
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task CompareOnceAsync(ulong chainId, CancellationToken ct)
    {
        var own = (await node.NewestLogHeadsAsync(key.Address, ct)).Where(h => h.IsSignedBy(key.Address, chainId)).ToList();
        // A node that invents heads has no signature under them; one that hides them is found out by who has seen them.
        var missing = own.Take(MaxCompared).Where(h => h.Chain > journal.Chain || (h.Chain == journal.Chain && journal.HashAt(h.Count) != h.Head)).MaxBy(h => (h.Chain, h.Count));
        if (missing is not null)
        {
            logger.LogError(LogEvents.LogEntriesLost, "The log in this folder ends with entry {Count} of chain {Chain}, and {Node} has a head of {Published} entries of chain {PublishedChain} that is not in it: entries are lost, and another chain begins",
                journal.Count, journal.Chain, node.Node, missing.Count, missing.Chain);
            journal.BeginAfter(new LostHead(missing.Chain, missing.Count, missing.Head));
        }
        else if (own.Count > 0)
            _published = own.Max(h => (h.Chain, h.Count));
        _compared = true;
    }

    /// <summary>Publishes the head if it has changed, unless one went out within the last minute.</summary>
    public async Task PublishAsync(ulong chainId, CancellationToken ct)
    {
        await CompareAsync(chainId, ct);
        var (chain, count, head) = journal.Now();
        if ((chain, count) == _published || (_last is { } last && clock.GetElapsedTime(last) < LogHeadService.Interval))
            return;
        long time = clock.GetUtcNow().ToUnixTimeMilliseconds();
        _last = clock.GetTimestamp();
        try
        {
            await node.PublishLogHeadAsync(key.Address, new LogHeadRequest(chain, count, head, time, Hex.Encode(key.Sign(Messages.LogHead(chainId, key.Address, chain, count, head, time)))), ct);
            _published = (chain, count);
        }
        // Tried again in a minute: a guardian answers whether its head is taken or not.
        catch (TroveApiException e)
        {
            logger.LogWarning(LogEvents.HeadNotPublished, "The head of the log was not published: {Message}; {NextStep}", e.Message, e.NextStep);
        }
    }
}
