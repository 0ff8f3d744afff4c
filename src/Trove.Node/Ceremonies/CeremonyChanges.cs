using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Operations;

namespace Trove.Node.Ceremonies;

/// <summary>
/// Has guardians whom the owners invited take over an asset's keys: begins a ceremony on what the registry says, relays what its
/// members signed, and begins anew after a failure for as long as the invitation stands. The registry decides; a node that does
/// nothing delays it and no more.
/// </summary>
public sealed class CeremonyChanges(AssetStore assets, CeremonyStore store, NodeDatabase database, ChainConnection connection, ChainRelay relay, ChainReader reader,
    CeremonyOptions options, TimeProvider clock, ILogger<CeremonyChanges> log)
{
    private const int MaxDoublings = 6; // of the pause between attempts: an hour with the usual patience
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(30);

    private readonly Dictionary<Address, long> _putOff = []; // registries that could not be looked after, and when, by the monotonic clock

    /// <summary>Looks after all registries whose committee is to change.</summary>
    public async Task LookAfterAsync(CancellationToken ct)
    {
        var changing = (await store.ChangingAsync(ct)).ToHashSet();
        foreach (var gone in _putOff.Keys.Where(r => !changing.Contains(r) || clock.GetElapsedTime(_putOff[r]) >= Later).ToList())
            _putOff.Remove(gone);
        if (changing.Count == 0)
            return;
        foreach (var asset in (await assets.ListAsync(ct)).Where(a => changing.Contains(a.Registry) && !_putOff.ContainsKey(a.Registry)))
            try
            {
                await LookAfterAsync(asset, ct);
            }
            // One whose contracts are odd, or whose change is refused, must not stop the others.
            catch (Exception e) when (e is InvalidOperationException or RpcException or ApiException or CeremonyException or ThresholdException)
            {
                _putOff[asset.Registry] = clock.GetTimestamp();
                log.LogWarning(LogEvents.ChangeNotLookedAfter, "The change of the guardians of {Asset} is put off for {Seconds} s: {Reason}", asset.Asset, Later.TotalSeconds, e.Message);
            }
    }

    private async Task LookAfterAsync(AssetRow asset, CancellationToken ct)
    {
        var registry = new Registry(asset.Registry);
        ulong head = await connection.Client.BlockNumberAsync(ct);
        var at = BlockTag.At(head - Math.Min(head, connection.Confirmations));
        var (guardians, threshold) = await registry.InvitationAsync(connection.Client, at, ct);
        uint epoch = await registry.CommitteeEpochAsync(connection.Client, at, ct);
        if (await store.ChangeAsync(asset.Registry, ct) is { } change)
        {
            var terms = change.ReadTerms();
            if (terms.New.Epoch == epoch + 1 && terms.New.Threshold == threshold && terms.New.Guardians.SequenceEqual(guardians))
            {
                if (!change.IsOpen)
                    await RelayAsync(asset, registry, change, terms, ct);
            }
            // Another node's view of a network may be ahead of this one's: what it has just begun is not ended here.
            else if (connection.Embedded is not null || change.Age > options.Patience)
                await (change.IsOpen ? store.FailAsync(change.Id, "not-invited", ct) : store.SettleAsync(change.Id, ct));
        }
        else if (guardians.Count > 0)
            await BeginAsync(asset, registry, new Committee(epoch + 1, checked((int)threshold), guardians), at, ct);
    }

    private async Task BeginAsync(AssetRow asset, Registry registry, Committee invited, BlockTag at, CancellationToken ct)
    {
        var (failed, ago) = await store.AttemptsAsync(asset.Registry, invited.Epoch, ct);
        if (failed > 0 && ago < options.Patience * (1 << (int)Math.Min(failed - 1, MaxDoublings)))
            return;
        var custody = await registry.CustodyAsync(connection.Client, at, ct);
        var recipient = await registry.RecipientAsync(connection.Client, at, ct);
        var terms = CeremonyTerms.ChangeOf(connection.ChainId, asset.Registry, new Hash32(RandomNumberGenerator.GetBytes(Hash32.Size)),
            new Committee(invited.Epoch - 1, checked((int)custody.Threshold), custody.Guardians), custody.Commitments, custody.OprfCommitments, recipient, invited);
        _ = new CeremonyTranscript(terms); // throws where the registry's commitments are no keys: no ceremony could come of them
        if (await database.TransactAsync(tx => CeremonyStore.BeginAsync(tx, terms, null, null, null, null), ct))
            log.LogInformation(LogEvents.CeremonyBegun, "Ceremony {Ceremony} begins: committee {Epoch} of {Asset}, attempt {Attempt}", terms.Id, invited.Epoch, asset.Asset, failed + 1);
    }

    private async Task RelayAsync(AssetRow asset, Registry registry, CeremonyRow change, CeremonyTerms terms, CancellationToken ct)
    {
        if (await registry.CommitteeEpochAsync(connection.Client, cancel: ct) >= terms.New.Epoch)
            return; // sent, by whomever; it waits for its confirmations
        var result = change.ReadResult()!;
        await relay.SendAsync(asset.Asset, "change-guardians", registry.ChangeGuardians(terms.New.Guardians, result.Commitments, result.OprfCommitments, (uint)terms.New.Threshold, result.Transcript,
            [.. result.Confirmations.Select(Signature)]), ct);
        await reader.CatchUpAsync(ct);
    }

    private static byte[] Signature(string text)
    {
        var bytes = new byte[Secp256k1.SignatureSize];
        return Hex.TryDecode(text, bytes) ? bytes : throw new InvalidOperationException("a confirmation in the database is no signature; restore the database from a backup");
    }
}
