using Microsoft.Extensions.Logging;
using Trove.Chain.Durability;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Guardians;

/// <summary>
/// A guardian in ceremonies (specs/custody.md, "What a guardian does"). The relay says which there are and passes messages on; what
/// they are about and what they came to, the guardian's own chain says. A state whose CONFIRM may have gone out is kept until the
/// chain shows the committee of its epoch, whatever the relay says: the others' confirmations may bring it into force at any time.
/// </summary>
internal sealed class GuardianCeremonies(ShareStore store, SigningKey key, GuardianView view, CeremonyRelay relay, IReadOnlyCollection<Address> assets, GuardianRecords records, ILogger log, TimeProvider clock) : IDisposable
{
    /// <summary>Most ceremonies that are worked on in one step, and in memory.</summary>
    public const int AtOnce = 8;

    /// <summary>Most states of creations whose asset never appeared.</summary>
    public const int MaxCreations = 256;

    /// <summary>Most states of changes that the chain has not shown.</summary>
    public const int MaxChanges = 1024;

    /// <summary>Most states of one registry: each failed attempt that was confirmed leaves one.</summary>
    public const int MaxAttempts = 64;

    private const int MaxListed = 256;
    private const int MaxTold = 1024;

    // The library keeps at most two messages of one author for one round.
    private const int MaxMessages = 2 * 4 * CeremonyClosing.MaxMessages;

    private static readonly TimeSpan Rarely = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Busy = TimeSpan.FromMinutes(10);

    private readonly Dictionary<Hash32, Seat> _open = [];
    private readonly Dictionary<Address, long> _looked = []; // when the chain was asked of a registry, by the monotonic clock
    private readonly Dictionary<Address, long> _busy = []; // when something was last sent for it
    private readonly HashSet<(Hash32, string)> _told = [];
    private int _turn;

    private Address Guardian => key.Address;

    private sealed class Seat(CeremonyParticipant participant)
    {
        public CeremonyParticipant Participant => participant;

        public bool Changed { get; set; }
    }

    private sealed class RefusedException(string reason) : Exception(reason);

    /// <summary>Looks at the chain for what became of former ceremonies, then at the relay for what there is to do.</summary>
    public async Task StepAsync(CancellationToken ct)
    {
        foreach (var registry in store.Kept.Select(k => k.Registry).Concat(store.Shares.Select(s => s.Registry)).Distinct().Where(IsDue).ToList())
            await TryAsync(registry.ToString(), () => SettleAsync(registry, ct), ct);
        var listed = (await relay.List(ct)).Take(MaxListed).Where(c => !store.Ended(c.Id)).DistinctBy(c => c.Id).ToList();
        foreach (var gone in _open.Keys.Where(id => listed.All(c => c.Id != id)).ToList())
            Close(gone);
        // In turn, so that eight which stand still do not keep the ninth waiting.
        for (int i = 0; i < Math.Min(AtOnce, listed.Count); i++)
        {
            var info = listed[(_turn + i) % listed.Count];
            await TryAsync($"ceremony {info.Id}", () => TakePartAsync(info, ct), ct);
        }
        _turn = listed.Count > AtOnce ? (_turn + AtOnce) % listed.Count : 0;
    }

    /// <summary>Zeroes what is in memory.</summary>
    public void Dispose()
    {
        foreach (var id in _open.Keys.ToList())
            Close(id);
    }

    // One that cannot be looked at must not keep the others waiting.
    private async Task TryAsync(string what, Func<Task> work, CancellationToken ct)
    {
        try
        {
            await work();
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            log.LogWarning(LogEvents.CeremonyLater, "Guardian {Guardian}, {Subject}: {Message}; looking again later", Guardian, what, e.Message);
        }
    }

    private bool IsDue(Address registry) => !_looked.TryGetValue(registry, out long at)
        || clock.GetElapsedTime(at) >= Rarely || (_busy.TryGetValue(registry, out long sent) && clock.GetElapsedTime(sent) < Busy);

    // What the chain shows: the new share is sealed before its state goes, and both before the old share.
    private async Task SettleAsync(Address registry, CancellationToken ct)
    {
        _looked[registry] = clock.GetTimestamp();
        if (await view.Custody(registry, ct) is not { } facts)
            return;
        uint epoch = facts.InForce.Epoch;
        foreach (var kept in store.Kept.Where(k => k.Registry == registry && k.Epoch <= epoch).ToList())
        {
            if (kept.Epoch == epoch && kept.Confirmed && kept.Transcript == facts.Transcript)
                await KeepSharesAsync(kept, facts);
            Close(kept.Id);
            store.End(kept);
        }
        foreach (var (_, old) in store.Shares.Where(s => s.Registry == registry && s.Epoch < epoch).ToList())
        {
            // Of commitments that are no keys nobody can have shares: then the old ones are all there is.
            _ = facts.Keys();
            records.Ceremony(GuardianLogEntry.SharesDestroyed, registry, old);
            store.DestroyShares(registry, old);
            FaultPoint.Reach("ceremony.old-destroyed");
            log.LogInformation(LogEvents.SharesDestroyed, "Guardian {Guardian} destroyed its shares of committee {Epoch} of registry {Registry}: committee {InForce} is in force", Guardian, old, registry, epoch);
        }
        if (store.Kept.All(k => k.Registry != registry))
            _busy.Remove(registry);
    }

    private async Task KeepSharesAsync(KeptCeremony kept, CustodyFacts facts)
    {
        using var participant = await store.OpenStateAsync(kept);
        using var shares = participant.TakeShares(facts.Transcript);
        if (!facts.HasCommitmentsOf(shares))
            throw new InvalidDataException($"the state of ceremony {kept.Id} gives other shares than the registry {kept.Registry} has this guardian's commitments of; the state is kept: look at the registry's transaction");
        records.Ceremony(GuardianLogEntry.SharesTaken, kept.Registry, kept.Epoch, kept.Id);
        await store.PutSharesAsync(kept.Registry, shares);
        FaultPoint.Reach("ceremony.share-kept");
        log.LogInformation(LogEvents.SharesKept, "Guardian {Guardian} keeps shares {Index} of committee {Epoch} of registry {Registry}", Guardian, shares.Index, kept.Epoch, kept.Registry);
    }

    private async Task TakePartAsync(CeremonyInfo listed, CancellationToken ct)
    {
        var kept = store.Kept.FirstOrDefault(k => k.Id == listed.Id);
        if (listed.State != "open" && (kept is null || kept.Confirmed))
        {
            Close(listed.Id); // a confirmed one waits for the chain
            return;
        }
        try
        {
            if (!_open.TryGetValue(listed.Id, out var seat))
            {
                if (_open.Count >= AtOnce)
                    Close(_open.Keys.First());
                seat = new Seat(kept is not null ? await store.OpenStateAsync(kept) : await JoinAsync(listed, ct)) { Changed = kept is null };
                _open.Add(listed.Id, seat);
            }
            var info = await relay.Get(listed.Id, ct);
            Receive(seat, info);
            if (seat.Participant.Transcript.Failure is not null || info.State == "failed")
                Fail(seat, kept);
            else if (seat.Participant.Next(key) is { } next && next.Encode() is var message && !info.Messages.Contains(Convert.ToBase64String(message)))
                await SendAsync(seat, kept, next, message, ct);
        }
        catch (Exception e) when (e is RefusedException or CeremonyException or ThresholdException)
        {
            if (_told.Count < MaxTold && _told.Add((listed.Id, e.Message)))
                log.LogWarning(LogEvents.CeremonyRefused, "Guardian {Guardian} takes no part in ceremony {Ceremony}: {Reason}", Guardian, listed.Id, e.Message);
        }
    }

    private async Task<CeremonyParticipant> JoinAsync(CeremonyInfo info, CancellationToken ct)
    {
        var terms = CeremonyTerms.Parse(Bytes(info.Terms, CeremonyTerms.MaxSize) ?? throw new RefusedException("its terms are not base64, or too long"));
        if (terms.Id != info.Id || terms.ChainId != view.ChainId || terms.SeatOf(Guardian) < 0)
            throw new RefusedException("its terms are of another ceremony, of another chain, or have no seat for this guardian");
        if (terms.Old is null)
            await RequireCreationAsync(terms, info, ct);
        else
            await RequireChangeAsync(terms, ct);
        MakeRoom(terms);
        using var shares = terms.Old is { } old && old.IndexOf(Guardian) > 0 ? await store.SharesAsync(terms.Contract, old.Epoch) : null;
        log.LogInformation(LogEvents.CeremonyJoined, "Guardian {Guardian} takes part in ceremony {Ceremony} for committee {Epoch} of registry {Registry}", Guardian, terms.Id, terms.New.Epoch, terms.Contract);
        return CeremonyParticipant.Create(terms, Guardian, shares);
    }

    // The founder signed for exactly these terms, and they are for the registry that only this founder can have created.
    private async Task RequireCreationAsync(CeremonyTerms terms, CeremonyInfo info, CancellationToken ct)
    {
        var signature = new byte[Secp256k1.SignatureSize];
        if (info is not { Founder: { } founder, Salt: { } salt, Deadline: { } deadline, Signature: { } text } || !Hex.TryDecode(text, signature)
            || Secp256k1.Recover(Messages.StartCeremony(Messages.Domain(view.ChainId, view.Factory), terms.Id, founder, salt, deadline), signature) != founder)
            throw new RefusedException($"no founder signed for it under factory {view.Factory}");
        if (deadline < clock.GetUtcNow().ToUnixTimeSeconds())
            throw new RefusedException("the time that its founder gave it is over");
        var (asset, registry) = await view.Predict(founder, salt, ct);
        if (terms.Contract != registry || terms.New.Epoch != 1)
            throw new RefusedException($"it is not for the first committee of the registry that founder {founder} gets with this salt");
        if (await view.Custody(registry, ct) is not null)
            throw new RefusedException($"the asset {asset} exists already");
        RequireListed(asset);
    }

    private async Task RequireChangeAsync(CeremonyTerms terms, CancellationToken ct)
    {
        CustodyFacts? facts;
        try
        {
            facts = await view.Custody(terms.Contract, ct);
        }
        catch (RpcException e)
        {
            throw new RefusedException($"{terms.Contract} cannot be read as a registry: {e.Message}");
        }
        if (facts is null || !Same(terms.Old!, facts.InForce) || !terms.OldCommitments.SequenceEqual(facts.Commitments)
            || !terms.OldOprfCommitments.SequenceEqual(facts.OprfCommitments) || terms.Recipient != facts.Recipient)
            throw new RefusedException($"registry {terms.Contract} has another committee, other commitments or another recipient at this guardian's confirmation depth");
        if (!terms.New.Guardians.SequenceEqual(facts.Invited) || terms.New.Threshold != facts.InvitedThreshold)
            throw new RefusedException($"the owners of registry {terms.Contract} have not invited this committee, or not at this guardian's confirmation depth");
        if (assets.Count > 0)
            RequireListed(await view.AssetOf(terms.Contract, ct));
    }

    private void RequireListed(Address asset)
    {
        if (assets.Count > 0 && !assets.Contains(asset))
            throw new RefusedException($"this guardian was not started for asset {asset}");
    }

    private static bool Same(Committee a, Committee b) => a.Epoch == b.Epoch && a.Threshold == b.Threshold && a.Guardians.SequenceEqual(b.Guardians);

    // Strangers can have ceremonies begun at will, so what is kept of them is bounded; but what may come into force is never given up.
    private void MakeRoom(CeremonyTerms terms)
    {
        bool creation = terms.Old is null;
        Make(k => k.Registry == terms.Contract, MaxAttempts, $"for registry {terms.Contract}");
        if (assets.Count == 0) // those that were named are few
            Make(k => k.Epoch == 1 == creation, creation ? MaxCreations : MaxChanges, "for assets of any founder: start the guardian with --asset");

        void Make(Func<KeptCeremony, bool> among, int most, string whose)
        {
            if (store.Kept.Count(among) < most)
                return;
            var oldest = store.Kept.FirstOrDefault(k => among(k) && !k.Confirmed)
                ?? throw new RefusedException($"{most} ceremonies that this guardian confirmed, and that the chain may still take, are kept {whose}");
            Close(oldest.Id);
            store.End(oldest);
        }
    }

    private static void Receive(Seat seat, CeremonyInfo info)
    {
        foreach (var text in info.Messages.Take(MaxMessages))
            if (Bytes(text, CeremonyMessage.MaxSize) is { } bytes)
                Note(TryParse(() => seat.Participant.Receive(CeremonyMessage.Parse(bytes))));
        foreach (var text in info.Closings.Take(Enum.GetValues<CeremonyRound>().Length))
            if (Bytes(text, CeremonyMessage.MaxSize) is { } bytes)
                Note(TryParse(() => seat.Participant.Receive(CeremonyClosing.Parse(bytes))));

        void Note(CeremonyIntake? intake) => seat.Changed |= intake is CeremonyIntake.Taken or CeremonyIntake.Conflict;
    }

    // What a relay sends instead of a message is passed over, as if it had sent nothing.
    private static CeremonyIntake? TryParse(Func<CeremonyIntake> receive)
    {
        try
        {
            return receive();
        }
        catch (CeremonyException)
        {
            return null;
        }
    }

    private async Task SendAsync(Seat seat, KeptCeremony? kept, CeremonyMessage next, byte[] message, CancellationToken ct)
    {
        var terms = seat.Participant.Transcript.Terms;
        if (terms.Old is not null)
            await RequireChangeAsync(terms, ct); // the owners may have taken their invitation back
        var now = new KeptCeremony(terms.Contract, terms.New.Epoch, terms.Id, next.Round == CeremonyRound.Confirm ? seat.Participant.Transcript.Hash : default);
        // What was sealed may have gone out, and is written down by then.
        if (kept is null)
            records.Ceremony(GuardianLogEntry.Joined, now.Registry, now.Epoch, now.Id);
        if (now.Confirmed && kept is not { Confirmed: true })
            records.Ceremony(GuardianLogEntry.Confirmed, now.Registry, now.Epoch, now.Id);
        if (seat.Changed || kept != now)
        {
            await store.PutStateAsync(now, seat.Participant);
            seat.Changed = false;
        }
        FaultPoint.Reach("ceremony.sealed");
        _busy[terms.Contract] = clock.GetTimestamp();
        await relay.Send(terms.Id, message, ct);
        FaultPoint.Reach("ceremony.sent");
    }

    // Only with every new guardian's confirmation can the chain take it. Without this one's there is nothing to wait for.
    private void Fail(Seat seat, KeptCeremony? kept)
    {
        var transcript = seat.Participant.Transcript;
        Close(transcript.Terms.Id);
        if (kept is null || kept.Confirmed)
            return;
        log.LogWarning(LogEvents.CeremonyAbandoned, "Ceremony {Ceremony} for registry {Registry} came to nothing ({Failure}; {Findings}); guardian {Guardian} destroyed its state", kept.Id, kept.Registry,
            transcript.Failure?.ToString() ?? "the relay gave it up", string.Join(", ", transcript.Findings.Select(f => $"{f.Guardian} {f.Fault} in {f.Round}")), Guardian);
        store.End(kept);
    }

    private void Close(Hash32 id)
    {
        if (_open.Remove(id, out var seat))
            seat.Participant.Dispose();
    }

    private static byte[]? Bytes(string base64, int max)
    {
        if (base64.Length > (max + 2) / 3 * 4)
            return null;
        var bytes = new byte[max + 2];
        return Convert.TryFromBase64String(base64, bytes, out int length) && length <= max ? bytes[..length] : null;
    }
}
