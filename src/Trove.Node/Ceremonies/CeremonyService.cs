using System.Text.Json;
using Microsoft.Extensions.Logging;
using Npgsql;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Ceremonies;

/// <summary>How ceremonies are coordinated.</summary>
/// <param name="Patience">How long a round stays open for who is silent.</param>
public sealed record CeremonyOptions(TimeSpan Patience);

/// <summary>
/// The coordinator of ceremonies (specs/custody.md): keeps signed messages, closes rounds, and is trusted with nothing but going
/// on. What it has acknowledged is in the database; a transcript is those entries, read in their order, whichever node reads them.
/// </summary>
public sealed class CeremonyService(NodeDatabase database, CeremonyStore store, ChainConnection connection, CeremonyOptions options, TimeProvider clock,
    ILogger<CeremonyService> log)
{
    /// <summary>Creations of one founder that are open at a time.</summary>
    public const int OpenOfOneFounder = 4;

    /// <summary>Creations that are open at a time: each keeps up to 512 KiB, and its guardians are shown it.</summary>
    public const int OpenInAll = 256;

    /// <summary>After this a creation has failed: its founder has gone.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromHours(1);

    private const int MaxLive = 64;
    private readonly LinkedList<Live> _live = new(); // transcripts in memory, the last used first

    // A transcript with the entries up to a position; who holds the gate may use it.
    private sealed class Live(Hash32 id) : IDisposable
    {
        public Hash32 Id => id;
        public SemaphoreSlim Gate { get; } = new(1);
        public int Users { get; set; }
        public CeremonyTranscript? Transcript { get; set; }
        public int Position { get; set; }

        public void Dispose() => Gate.Dispose();
    }

    /// <summary>A founder has the guardians of an asset-to-be make its keys. The same request again finds the ceremony.</summary>
    public async Task<CeremonyInfo> StartAsync(CeremonyRequest r, CancellationToken ct)
    {
        if (r.Guardians.Count > Committee.MaxGuardians || r.Threshold > Committee.MaxGuardians)
            throw ApiException.Invalid($"a committee has at most {Committee.MaxGuardians} guardians", "name fewer");
        Signatures.RequireDeadline(r.Deadline, clock);
        var factory = connection.Contracts.Factory;
        var contracts = await new AssetFactory(factory).PredictAsync(connection.Client, r.Founder, r.Salt, cancel: ct);
        CeremonyTerms terms;
        try
        {
            terms = CeremonyTerms.Create(connection.ChainId, contracts.Registry, r.Nonce, new Committee(1, (int)r.Threshold, r.Guardians));
        }
        catch (CeremonyException e)
        {
            throw ApiException.Invalid(e.Message, "correct guardians and threshold");
        }
        var signature = Signatures.Require(r.Founder, Messages.StartCeremony(Messages.Domain(connection.ChainId, factory), terms.Id, r.Founder, r.Salt, r.Deadline), r.Signature);
        if ((await connection.Client.GetCodeAsync(contracts.Token, cancel: ct)).Length > 0)
            throw new ApiException(409, "asset-exists", $"the asset {contracts.Token} of this founder and salt exists and has its keys", "choose another salt; guardians of an asset are changed by its owners' vote");
        await database.TransactAsync(async tx =>
        {
            await CeremonyStore.LockBeginningAsync(tx);
            if (await CeremonyStore.FindAsync(tx, terms.Id) is not null)
                return;
            var (own, all) = await CeremonyStore.OpenCreationsAsync(tx, r.Founder);
            if (own >= OpenOfOneFounder || all >= OpenInAll)
                throw new ApiException(429, "too-many-ceremonies", own >= OpenOfOneFounder ? $"{r.Founder} has {own} ceremonies under way" : $"{all} ceremonies are under way at this node", "wait until one has ended");
            if (!await CeremonyStore.BeginAsync(tx, terms, r.Founder, r.Salt, r.Deadline, signature))
                throw new ApiException(409, "ceremony-open", $"another ceremony for the registry {contracts.Registry} is under way", "follow that one; if it fails, begin again");
        }, ct);
        return await ShowAsync(terms.Id, ct);
    }

    /// <summary>A ceremony with all its messages and closings.</summary>
    public async Task<CeremonyInfo> ShowAsync(Hash32 id, CancellationToken ct) => await store.ShowAsync(id, ct) ?? throw NoCeremony(id);

    /// <summary>Ceremonies in which a guardian has a seat, open or ended within a day; without messages and closings.</summary>
    public async Task<IReadOnlyList<CeremonyInfo>> OfGuardianAsync(Address guardian, CancellationToken ct) =>
        [.. (await store.OfGuardianAsync(guardian, ct)).Select(row => row.ToInfo([]))];

    /// <summary>Takes a guardian's message; acknowledged, it is in the database. With the last one that is expected the round closes.</summary>
    public Task ReceiveAsync(Hash32 id, CeremonyMessageRequest request, CancellationToken ct)
    {
        var message = ReadMessage(request.Message);
        return UpdateAsync(id, async (tx, live) =>
        {
            var intake = live.Transcript!.Receive(message);
            switch (intake)
            {
                case CeremonyIntake.Taken or CeremonyIntake.Conflict:
                    await CeremonyStore.AddAsync(tx, id, live.Position++, null, message.Encode());
                    while (live.Transcript.Complete)
                        await CloseAsync(tx, live);
                    await CeremonyStore.SetAsync(tx, id, Progress(live.Transcript));
                    break;
                case CeremonyIntake.Known:
                    break;
                case CeremonyIntake.BadSignature:
                    throw new ApiException(403, "wrong-signature", $"the message is not signed by {message.Author}", "sign it for this ceremony with the registered key");
                case CeremonyIntake.Foreign:
                    throw new ApiException(403, "foreign", $"the message of {message.Author} for {Name(message.Round)} has no place in ceremony {id}", "send it to its own ceremony, in a round in which its author takes part");
                default:
                    throw Late(id, message);
            }
        }, async (tx, row) =>
        {
            // Who lost the answer sends again, whatever has become of the ceremony.
            var bytes = message.Encode();
            if (!(await CeremonyStore.EntriesAsync(tx, id, 0)).Any(e => e.Round is null && e.Bytes.AsSpan().SequenceEqual(bytes)))
                throw Late(id, message);
        }, ct);
    }

    /// <summary>Closes the rounds that have waited long enough, with what is there, and ends creations that nobody has brought to an end.</summary>
    public async Task PassTimeAsync(CancellationToken ct)
    {
        await store.ExpireAsync(MaxAge, ct);
        foreach (var id in await store.OverdueAsync(options.Patience, ct))
            await UpdateAsync(id, async (tx, live) =>
            {
                if (!await CeremonyStore.IsOverdueAsync(tx, id, options.Patience))
                    return; // another node was faster
                await CloseAsync(tx, live);
                while (live.Transcript!.Complete)
                    await CloseAsync(tx, live);
                await CeremonyStore.SetAsync(tx, id, Progress(live.Transcript));
            }, (_, _) => Task.CompletedTask, ct);
    }

    // Holds the ceremony's row, brings the transcript in memory up to what the database has, and lets it be changed. What a
    // transaction changed that was not committed is thrown away: the entries are read anew.
    private async Task UpdateAsync(Hash32 id, Func<NpgsqlTransaction, Live, Task> open, Func<NpgsqlTransaction, CeremonyRow, Task> ended, CancellationToken ct)
    {
        var live = Enter(id);
        bool entered = false, kept = false;
        try
        {
            await live.Gate.WaitAsync(ct);
            entered = true;
            await database.TransactAsync(async tx =>
            {
                if (kept)
                    live.Transcript = null; // the second try of the transaction
                kept = true;
                var row = await CeremonyStore.HoldAsync(tx, id) ?? throw NoCeremony(id);
                if (!row.IsOpen)
                {
                    live.Transcript = null;
                    await ended(tx, row);
                    return;
                }
                if (live.Transcript is null)
                    (live.Transcript, live.Position) = (new CeremonyTranscript(row.ReadTerms()), 0);
                foreach (var entry in await CeremonyStore.EntriesAsync(tx, id, live.Position))
                {
                    var intake = entry.Round is null ? live.Transcript.Receive(CeremonyMessage.Parse(entry.Bytes)) : live.Transcript.Receive(CeremonyClosing.Parse(entry.Bytes));
                    if (intake is not (CeremonyIntake.Taken or CeremonyIntake.Conflict))
                        throw new InvalidDataException($"entry {entry.Position} of ceremony {id} does not count any more ({intake}); the database is damaged, restore it from a backup");
                    live.Position++;
                }
                await open(tx, live);
            }, ct);
            if (live.Transcript?.Failure is { } failure)
                log.LogWarning(LogEvents.CeremonyFailed, "Ceremony {Ceremony} failed in {Round}: {Failure}", id, live.Transcript.Round, failure);
        }
        catch (Exception e)
        {
            if (entered && e is not ApiException) // thrown before anything was changed
                live.Transcript = null;
            throw;
        }
        finally
        {
            if (entered)
                live.Gate.Release();
            Leave(live);
        }
    }

    private static async Task CloseAsync(NpgsqlTransaction tx, Live live)
    {
        var transcript = live.Transcript!;
        var round = transcript.Round;
        transcript.Close();
        await CeremonyStore.AddAsync(tx, live.Id, live.Position++, round, transcript.Closings.Single(c => c.Round == round).Encode());
    }

    private static CeremonyProgress Progress(CeremonyTranscript t) => new(t.Key is not null ? "done" : t.Failure is not null ? "failed" : "open", Name(t.Round), t.Failure is { } failure ? Name(failure) : null,
        [.. t.Findings.Select(f => new CeremonyFindingInfo(Name(f.Round), f.Guardian, Name(f.Fault)))],
        t is { Key: { } key, OprfKey: { } oprf } ? new CeremonyResult(t.Hash, key.Recipient.ToString(), key.Commitments, oprf.Commitments, [.. t.Confirmations.Select(c => Hex.Encode(c))]) : null);

    private Live Enter(Hash32 id)
    {
        lock (_live)
        {
            var live = _live.FirstOrDefault(l => l.Id == id) ?? new Live(id);
            _live.Remove(live);
            _live.AddFirst(live);
            live.Users++;
            return live;
        }
    }

    // What holds no transcript goes at once, so that strangers who ask for ceremonies that there are not push none out.
    private void Leave(Live live)
    {
        lock (_live)
        {
            live.Users--;
            for (var at = _live.Last; at is not null;)
            {
                var (candidate, before) = (at.Value, at.Previous);
                if (candidate.Users == 0 && (candidate.Transcript is null || _live.Count > MaxLive))
                {
                    _live.Remove(at);
                    candidate.Dispose();
                }
                at = before;
            }
        }
    }

    private static CeremonyMessage ReadMessage(string base64)
    {
        var bytes = new byte[CeremonyMessage.MaxSize + 2];
        if (base64.Length > (CeremonyMessage.MaxSize + 2) / 3 * 4 || !Convert.TryFromBase64String(base64, bytes, out int length))
            throw ApiException.Invalid($"the message is not base64 of at most {CeremonyMessage.MaxSize} bytes", "send it as its author encoded it");
        try
        {
            return CeremonyMessage.Parse(bytes.AsSpan(0, length));
        }
        catch (CeremonyException e)
        {
            throw ApiException.Invalid(e.Message, "send it as its author encoded it");
        }
    }

    private static string Name<T>(T value) where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    private static ApiException Late(Hash32 id, CeremonyMessage message) => new(409, "late", $"ceremony {id} takes no message of {message.Author} for {Name(message.Round)} any more",
        "fetch the ceremony: the round is closed, two messages of this author are there, or all is over");

    private static ApiException NoCeremony(Hash32 id) => ApiException.NotFound($"ceremony {id}", "a guardian's ceremonies are under /api/v1/guardians/ADDRESS/ceremonies");
}
