using Microsoft.Extensions.Logging;
using Trove.Core;
using Trove.Core.Payouts;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Chain;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Assets;

/// <summary>Creates assets for their founders and describes them.</summary>
public sealed class AssetService(AssetStore store, ChainService chain, ChainReader reader, TimeProvider clock, ILogger<AssetService> log)
{
    /// <summary>
    /// Has the factory create the asset; the founder's signature is the factory's own CreateAsset message, so the node
    /// can change nothing in it. Repeating the same request finds the asset there.
    /// </summary>
    public async Task<AssetInfo> CreateAsync(CreateAssetRequest request, CancellationToken ct)
    {
        if (request.Policy.Problem() is { } problem)
            throw ApiException.Invalid(problem, "correct the policy and sign again");
        if (request.Name is not { Length: > 0 and <= 64 } || request.Symbol is not { Length: > 0 and <= 11 })
            throw ApiException.Invalid("an asset has a name of 1 to 64 and a symbol of 1 to 11 characters", "shorten them");
        if (request.Verifiers is not { Count: > 0 and <= 64 } || request.Threshold == 0 || request.Threshold > request.Verifiers.Count)
            throw ApiException.Invalid("an asset has 1 to 64 verifiers, of which 1 to all must agree", "correct verifiers and threshold");
        if (request.Verifiers.Any(v => v is null))
            throw ApiException.Invalid("a verifier is null", "name each with address and recipient");
        var custody = request.Custody;
        if (custody?.Guardians is null || custody.Commitments is null || custody.OprfCommitments is null || custody.Runners is null || custody.Guardians.Count is 0 or > ThresholdKey.MaxGuardians
            || custody.Commitments.Count != custody.Guardians.Count || custody.OprfCommitments.Count != custody.Guardians.Count || custody.Threshold == 0 || custody.Threshold > custody.Guardians.Count || custody.Runners.Count > 64)
            throw ApiException.Invalid($"an asset has 1 to {ThresholdKey.MaxGuardians} guardians with a commitment of each key, of which 1 to all open a part, and up to 64 runners", "correct the custody");
        if (custody.Epoch != 1)
            throw ApiException.Invalid($"the committee has the epoch {custody.Epoch}, and an asset's first is 1", "correct the custody");
        if (request.Ceremony?.Confirmations is null || request.Ceremony.Confirmations.Count != custody.Guardians.Count)
            throw ApiException.Invalid("a guardian's confirmation of the committee is missing", "send one of each guardian, in the order of the guardians");
        if (request.VestingEpochs is < 0 or > Vesting.Max)
            throw ApiException.Invalid($"shares vest in 0 to {Vesting.Max} epochs", "correct the vesting and sign again");
        if (request.Governance is null)
            throw ApiException.Invalid("the governance is missing", "say how the asset decides");
        if ((request.Charter is null ? "it is missing" : request.Charter.Problem()) is { } charter)
            throw ApiException.Invalid($"the charter is not one: {charter}", "correct it and sign again");
        var recipient = RecipientKey(request.Recipient, "the asset's recipient");
        try
        {
            ThresholdKey.Create((int)custody.Threshold, custody.Commitments, new X25519Recipient(recipient));
            OprfKey.Create((int)custody.Threshold, custody.OprfCommitments);
        }
        catch (ThresholdException e)
        {
            throw ApiException.Invalid($"the guardians' commitments are not those of the asset's two keys: {e.Message}", "have the keys made with 'trove asset create'");
        }
        var keys = request.Verifiers.Select(v => RecipientKey(v.Recipient, $"verifier {v.Address}")).ToList();
        Signatures.RequireDeadline(request.Deadline, clock);
        var signature = new byte[65];
        if (!Hex.TryDecode(request.Signature, signature))
            throw ApiException.Invalid("the signature is not 65 bytes as 0x text", "sign with 'trove asset create'");
        var confirmations = request.Ceremony.Confirmations.Zip(custody.Guardians, Confirmation).ToList();
        await store.PutPolicyAsync(request.Policy, ct);
        var asset = await chain.CreateAssetAsync(request, recipient, keys, signature, confirmations, ct);
        await reader.CatchUpAsync(ct);
        return await DescribeAsync(await RequireAsync(asset, ct), ct);
    }

    /// <summary>Publishes rules under their own hash.</summary>
    public async Task<Hash32> PutPolicyAsync(AssetPolicy policy, CancellationToken ct)
    {
        if (policy.Problem() is { } problem)
            throw ApiException.Invalid(problem, "correct the policy");
        await store.PutPolicyAsync(policy, ct);
        return policy.Hash();
    }

    /// <summary>An asset, or a refusal.</summary>
    public async Task<AssetRow> RequireAsync(Address asset, CancellationToken ct) =>
        await store.FindAsync(asset, ct) ?? throw ApiException.NotFound($"asset {asset}", "list them with 'trove asset list'");

    /// <summary>Is it a verifier of any asset that this node knows?</summary>
    public Task<bool> IsVerifierAsync(Address address, CancellationToken ct) => store.IsVerifierAsync(address, ct);

    /// <summary>All assets.</summary>
    public async Task<Page<AssetInfo>> ListAsync(PageRequest page, CancellationToken ct)
    {
        var list = new List<AssetInfo>();
        var (rows, next) = page.Slice(await store.ListAsync(ct), a => a.Asset.ToString());
        foreach (var row in rows)
        {
            try
            {
                list.Add(await DescribeAsync(row, ct));
            }
            catch (InvalidOperationException e)
            {
                // Its events and what this node knows do not fit together. It fails by itself, not for all.
                log.LogWarning(LogEvents.AssetLeftOut, "Asset {Asset} is left out of the list: {Reason}", row.Asset, e.Message);
            }
        }
        return new Page<AssetInfo>(list, next);
    }

    /// <summary>An asset with its numbers.</summary>
    public async Task<AssetInfo> DescribeAsync(AssetRow a, CancellationToken ct)
    {
        var book = await reader.ReadAsync(a, b => (b.Epochs, b.Supply, b.Received), ct);
        return new AssetInfo(a.Asset, a.Name, a.Symbol, a.Founder, a.Registry, a.Ledger, a.Grants, a.Governor, a.Timelock, a.Stakes, a.Custody, a.Governance, a.Charter, a.PaymentToken,
            AgeRecipient(a.Recipient), a.PolicyHash, a.Policy, Verifiers(a), (uint)a.Threshold, a.SetVersion,
            chain.OperatorTrusted, book.Epochs, book.Supply, book.Received, await store.CountContributionsAsync(a.Asset, ct), a.Vesting.Epochs);
    }

    /// <summary>The verifiers with their age recipients.</summary>
    public static IReadOnlyList<VerifierInfo> Verifiers(AssetRow asset) =>
        [.. asset.Verifiers.Select((v, i) => new VerifierInfo(v, AgeRecipient(asset.VerifierKeys[i])))];

    private static string AgeRecipient(Hash32 key) => new X25519Recipient(key).ToString();

    // Whose it is the registry checks: the relayer tries the call first, so that a wrong one costs no gas.
    private static byte[] Confirmation(string text, Address guardian)
    {
        var signature = new byte[65];
        return Hex.TryDecode(text, signature) ? signature
            : throw ApiException.Invalid($"the confirmation of guardian {guardian} is not 65 bytes as 0x text", "send it as the guardian signed it");
    }

    private static Hash32 RecipientKey(string text, string whose)
    {
        try
        {
            return X25519Recipient.Parse(text ?? "").PublicKey;
        }
        catch (AgeException)
        {
            throw ApiException.Invalid($"{whose} is not an age recipient", "an age recipient begins with age1");
        }
    }
}
