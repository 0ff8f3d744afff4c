using Microsoft.Extensions.Logging;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Guardians;

/// <summary>
/// What a guardian writes down of its answers before they go out, and what it does not release because of what it wrote down. Safe for
/// several threads.
/// </summary>
internal sealed class GuardianRecords
{
    private readonly Lock _gate = new();
    private readonly ReleaseGuards _guards;
    private readonly ILogger _logger;
    private readonly TimeProvider _clock;

    /// <summary>Opens the log in a folder and counts what is in it.</summary>
    /// <exception cref="IOException">The log does not fit.</exception>
    public GuardianRecords(string folder, Address guardian, GuardianLimits limits, ILogger logger, TimeProvider clock)
    {
        (Log, _guards, _logger, _clock) = (GuardianLog.Open(folder, guardian, clock), new ReleaseGuards(limits), logger, clock);
        _guards.Replay(Log.Newest(), Now);
    }

    /// <summary>The log.</summary>
    public GuardianLog Log { get; }

    private long Now => _clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Why so many parts more are not released now; null when they are.</summary>
    public string? TooMuch(UseWork work, int parts)
    {
        lock (_gate)
            return _guards.TooMuch(work.Asset, work.Request, parts, Now);
    }

    /// <summary>Writes a release, and before it an alarm when it is unusual.</summary>
    public void Released(UseWork work, int parts, ulong block)
    {
        lock (_gate)
        {
            if (_guards.Unusual(work.Asset, parts, Now) is { } unusual)
                Alarm("unusual-volume", unusual, work);
        }
        Write(new GuardianLogEntry(0, default, 0, GuardianLogEntry.Released, Asset: work.Asset, Request: work.Request, Use: work.Use, KeyVersion: work.KeyVersion, CommitteeEpoch: work.CommitteeEpoch, Proofs: work.Proofs, Parts: parts, Block: block));
        FaultPoint.Reach("release.recorded");
    }

    /// <summary>Writes a refusal.</summary>
    /// <exception cref="InvalidDataException">There were as many within this hour as are written: nothing is answered then.</exception>
    public void Refused(UseWork work, string code, string reason)
    {
        RequireRoom();
        Write(new GuardianLogEntry(0, default, 0, GuardianLogEntry.Refused, Asset: work.Asset, Request: work.Request, Use: work.Use, KeyVersion: work.KeyVersion, CommitteeEpoch: work.CommitteeEpoch, Proofs: work.Proofs, Code: code, Reason: reason));
        FaultPoint.Reach("release.recorded");
    }

    /// <summary>Writes what happens in a ceremony: before a message goes out, before shares are kept or destroyed.</summary>
    /// <exception cref="InvalidDataException">It joined as many within this hour as are written: it takes part in no more then.</exception>
    public void Ceremony(string outcome, Address registry, uint epoch, Hash32? ceremony = null)
    {
        bool may;
        lock (_gate)
            may = outcome != GuardianLogEntry.Joined || _guards.MayJoin(Now);
        if (!may)
            throw new InvalidDataException($"{ReleaseGuards.MaxJoins} ceremonies were joined within an hour: no more are now");
        Write(new GuardianLogEntry(0, default, 0, outcome, CommitteeEpoch: epoch, Registry: registry, Ceremony: ceremony));
    }

    /// <summary>Writes that a question is answered, or the verifiers of an announcement are drawn.</summary>
    public void Evaluated(EvaluationEntry entry, Hash32 element, uint committeeEpoch) =>
        Write(Of(entry, entry.Verifier == default ? null : element, entry.Verifier == default ? GuardianLogEntry.Drawn : GuardianLogEntry.Evaluated) with { CommitteeEpoch = committeeEpoch });

    /// <summary>Writes that a question or an announcement is refused.</summary>
    /// <exception cref="InvalidDataException">There were as many refusals within this hour as are written.</exception>
    public void NotEvaluated(EvaluationEntry entry, Hash32? blinded, string code, string reason)
    {
        RequireRoom();
        Write(Of(entry, blinded, GuardianLogEntry.Refused) with { Code = code, Reason = reason });
    }

    private static GuardianLogEntry Of(EvaluationEntry e, Hash32? blinded, string outcome) =>
        new(0, default, 0, outcome, Asset: e.Asset, Verifier: e.Verifier == default ? null : e.Verifier, Contribution: e.Contribution.IsZero ? null : e.Contribution, Blinded: blinded);

    private void RequireRoom()
    {
        lock (_gate)
        {
            if (_guards.MayRefuse(Now))
                return;
            Alarm("many-refusals", "as many refusals within an hour as are written: look at what the node offers", null);
        }
        throw new InvalidDataException("there were as many refusals within an hour as are written down: no more are answered now");
    }

    private void Alarm(string code, string reason, UseWork? work)
    {
        if (!_guards.MayAlarm(code, work?.Asset, Now))
            return;
        _logger.LogWarning(LogEvents.GuardianAlarm, "Alarm {Code} of asset {Asset}: {Reason}", code, work?.Asset, reason);
        Write(new GuardianLogEntry(0, default, 0, GuardianLogEntry.Alarm, Asset: work?.Asset, Request: work?.Request, Use: work?.Use, Code: code, Reason: reason));
    }

    private void Write(GuardianLogEntry draft)
    {
        lock (_gate)
            _guards.Count(Log.Append(draft));
    }
}
