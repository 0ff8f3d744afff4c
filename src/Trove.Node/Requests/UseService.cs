using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Staking;

namespace Trove.Node.Requests;

/// <summary>
/// The node's side of a use: tells guardians and runners what is open, carries their answers, and sends what runners
/// signed to the chain. It opens nothing, and what it carries is sealed to keys it does not have.
/// </summary>
public sealed class UseService(AssetService assets, AssetStore assetStore, UseStore store, RequestService requests, ChainConnection connection, ChainRelay relay, ChainReader reader,
    ContradictionFolder contradictions, ILogger<UseService> log)
{
    /// <summary>Largest sealed answer: a release of <see cref="InputsChecker.MaxParts"/> parts with its proof, 512 KiB, and room.</summary>
    public const int MaxSealed = 1 << 20;

    /// <summary>Largest sealed result.</summary>
    public const int MaxSealedResult = 40 << 20;

    /// <summary>Open uses that a guardian of the committee in force has not answered with that committee's share.</summary>
    public async Task<IReadOnlyList<UseWork>> GuardianWorkAsync(Address guardian, CancellationToken ct)
    {
        var open = new List<UseWork>();
        foreach (var asset in (await assetStore.ListAsync(ct)).Where(a => a.Custody.Guardians.Contains(guardian)))
            await TryAsync(asset, async () => open.AddRange(await reader.ReadAsync(asset, book => book.Grants.Requests.Where(r => r.State is "use-opened" or "challenged")
                .Select(r => new UseWork(asset.Asset, r.Id, r.Uses[^1].Use, r.Uses[^1].KeyVersion, asset.Custody.Epoch, false, false, false)).ToList(), ct)));
        if (open.Count == 0)
            return open;
        var ids = open.Select(u => u.Request).ToList();
        var wanted = await store.ProofsWantedAsync(ids, ct);
        var answered = await store.AnsweredAsync(guardian, ids, ct);
        return [.. open.Concat(open.Where(u => wanted.Contains((u.Request, u.Use, u.KeyVersion))).Select(u => u with { Proofs = true }))
            .Where(u => !answered.Contains((u.Request, u.Use, u.KeyVersion, u.CommitteeEpoch, u.Proofs)))];
    }

    /// <summary>Grants that a runner can open a use of, its own unfinished uses, and what others have posted and it can dispute.</summary>
    public async Task<IReadOnlyList<UseWork>> RunnerWorkAsync(Address runner, CancellationToken ct)
    {
        var work = new List<UseWork>();
        foreach (var asset in (await assetStore.ListAsync(ct)).Where(a => a.Custody.Runners.Contains(runner)))
        await TryAsync(asset, async () =>
        {
            await requests.PassTimeAsync(asset, ct);
            work.AddRange(await reader.ReadAsync(asset, book => book.Grants.Requests
                .Where(r => r.State == "approved" || (r.State is "use-opened" or "challenged" && r.Uses[^1].Runner == runner) || (r.State == "posted" && r.Uses[^1].PostedBy != runner))
                .Select(r => r.State == "approved" ? new UseWork(asset.Asset, r.Id, (uint)r.Uses.Count + 1, 0, asset.Custody.Epoch, false, false, false)
                    : new UseWork(asset.Asset, r.Id, r.Uses[^1].Use, r.Uses[^1].KeyVersion, asset.Custody.Epoch, false, r.State == "posted", r.State == "posted" && r.Reason == "disputed"))
                .ToList(), ct));
        });
        return work;
    }

    // An asset whose events this node cannot follow fails by itself, not for all.
    private async Task TryAsync(AssetRow asset, Func<Task> read)
    {
        try
        {
            await read();
        }
        catch (InvalidOperationException e)
        {
            log.LogWarning(LogEvents.AssetLeftOut, "Asset {Asset} is left out: {Reason}", asset.Asset, e.Message);
        }
    }

    /// <summary>Takes a guardian's answer.</summary>
    public async Task AnswerAsync(Address assetId, Hash32 request, uint use, GuardianAnswer answer, CancellationToken ct)
    {
        await reader.CatchUpAsync(ct); // a guardian may have seen its committee come into force before this node
        var asset = await assets.RequireAsync(assetId, ct);
        if (!asset.Custody.Guardians.Contains(answer.Guardian))
            throw new ApiException(403, "not-a-guardian", $"{answer.Guardian} is no guardian of {assetId}", "answer only for assets whose registry names you");
        if (answer.CommitteeEpoch != asset.Custody.Epoch)
            throw new ApiException(409, "other-committee", $"committee {asset.Custody.Epoch} of {assetId} is in force, not {answer.CommitteeEpoch}", "answer with the share of the committee that is in force on chain");
        var open = await OpenUseAsync(asset, request, use, ct);
        RequireKey(open, request, answer.KeyVersion);
        var domain = Messages.Domain(connection.ChainId, asset.Grants);
        byte[]? sealedFile = null;
        byte[] signature;
        if (answer.Sealed is not null)
        {
            if (answer.Code is not null || answer.Reason is not null)
                throw ApiException.Invalid("an answer is either sealed or a refusal", "leave code and reason out of a release: nothing signs them");
            sealedFile = ReadSealed(answer.Sealed, MaxSealed);
            if (answer.Proofs && !(await store.ProofsWantedAsync([request], ct)).Contains((request, use, answer.KeyVersion)))
                throw new ApiException(409, "proofs-not-wanted", $"nobody asked for proofs on use {use} of {request}", "answer without proofs");
            signature = Signatures.Require(answer.Guardian, Messages.Release(domain, request, use, answer.KeyVersion, answer.CommitteeEpoch, answer.Proofs, new Hash32(SHA256.HashData(sealedFile))), answer.Signature);
        }
        else
        {
            if (answer.Code is not { Length: > 0 and <= 64 } || answer.Reason is not { Length: > 0 and <= 500 } || answer.Code.Concat(answer.Reason).Any(char.IsControl))
                throw ApiException.Invalid("a refusal has a code of 1 to 64 and a reason of 1 to 500 characters, none of them a control character", "say why in one line");
            signature = Signatures.Require(answer.Guardian, Messages.RefuseRelease(domain, request, use, answer.KeyVersion, answer.CommitteeEpoch, answer.Proofs, answer.Code, answer.Reason), answer.Signature);
        }
        await store.PutAnswerAsync(assetId, request, use, answer, sealedFile, signature, ct);
        FaultPoint.Reach("release.committed");
    }

    /// <summary>The guardians' answers to one version of a use's key.</summary>
    public async Task<IReadOnlyList<GuardianAnswer>> AnswersAsync(Address assetId, Hash32 request, uint use, uint keyVersion, CancellationToken ct)
    {
        await requests.ShowAsync(assetId, request, ct);
        return await store.AnswersAsync(request, use, keyVersion, ct);
    }

    /// <summary>Opens a use for its runner, has it compute a posted one again, or replaces its key; the signature is what the grants contract checks.</summary>
    public async Task<RequestInfo> OpenAsync(Address assetId, Hash32 request, OpenUseRequest r, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        await requests.ShowAsync(assetId, request, ct);
        // The contract knows no curve: the use would be open, no guardian could answer it, and its time would pass.
        if (new X25519Recipient(r.OneTimeKey).IsLowOrder)
            throw new ApiException(400, "bad-key", $"the one-time key {r.OneTimeKey} is a point of low order, to which nothing can be sealed", "make a fresh X25519 key for the use");
        var grants = new Grants(asset.Grants);
        var digest = r.Challenge ? ContractDigests.Challenge(connection.ChainId, asset.Grants, request, r.Use, r.OneTimeKey, r.KeyVersion, r.Runner)
            : ContractDigests.OpenUse(connection.ChainId, asset.Grants, request, r.Use, r.OneTimeKey, r.KeyVersion, r.Runner);
        var signature = Signatures.Require(r.Runner, digest, r.Signature);
        await relay.SendAsync(r.Runner, r.Challenge ? "challenge" : "open-use", r.Challenge ? grants.Challenge(request, r.Use, r.OneTimeKey, r.KeyVersion, r.Runner, signature)
            : grants.OpenUse(request, r.Use, r.OneTimeKey, r.KeyVersion, r.Runner, signature), ct);
        await reader.CatchUpAsync(ct);
        return await requests.ShowAsync(assetId, request, ct);
    }

    /// <summary>Keeps a result, then has its hash posted, which pays the owners.</summary>
    public async Task<RequestInfo> ResultAsync(Address assetId, Hash32 request, uint use, ResultRequest r, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var file = ReadSealed(r.Sealed ?? "", MaxSealedResult);
        var hash = new Hash32(SHA256.HashData(file));
        var open = await RunnersUseAsync(asset, request, use, ct);
        var signature = Signatures.Require(open.Runner, ContractDigests.Result(connection.ChainId, asset.Grants, request, use, hash, r.InputsHash, open.Runner), r.Signature);
        if (!open.IsComputed && open.ResultHash != hash)
        {
            if (open.PostedBy == open.Runner)
                contradictions.Keep(open.Runner, string.Create(CultureInfo.InvariantCulture, $"result-{request.ToHex()}-{use}"), new SignedStatements(assetId, Results: [new ResultStatement(request, use, hash, r.InputsHash, open.Runner, Hex.Encode(signature))]));
            throw Closed(open, request);
        }
        // Of a use computed again the buyer needs no copy: it is the same file, or one that nobody settles.
        if (open.State != "challenged")
            await store.PutResultAsync(request, use, hash, file, ct);
        FaultPoint.Reach("result.kept");
        if (open.IsComputed)
            await relay.SendAsync(open.Runner, "post-result", new Grants(asset.Grants).PostResult(request, use, hash, r.InputsHash, signature), ct);
        await reader.CatchUpAsync(ct);
        return await requests.ShowAsync(assetId, request, ct);
    }

    /// <summary>Gives a use up for its runner.</summary>
    public async Task<RequestInfo> FailAsync(Address assetId, Hash32 request, uint use, FailureRequest r, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var open = await OpenUseAsync(asset, request, use, ct);
        Hash32 code;
        try
        {
            code = FailureCode.Word(r.Code);
        }
        catch (ArgumentException e)
        {
            throw ApiException.Invalid(e.Message, "send the class of the failure only");
        }
        var signature = Signatures.Require(open.Runner, ContractDigests.Failure(connection.ChainId, asset.Grants, request, use, code, open.Runner), r.Signature);
        await relay.SendAsync(open.Runner, "fail-use", new Grants(asset.Grants).FailUse(request, use, code, signature), ct);
        await reader.CatchUpAsync(ct);
        return await requests.ShowAsync(assetId, request, ct);
    }

    /// <summary>A runner wants the guardians to prove their answers.</summary>
    public async Task WantProofsAsync(Address assetId, Hash32 request, uint use, ProofsRequest r, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var open = await OpenUseAsync(asset, request, use, ct);
        RequireKey(open, request, r.KeyVersion);
        Signatures.Require(open.Runner, Messages.WantProofs(Messages.Domain(connection.ChainId, asset.Grants), request, use, r.KeyVersion, open.Runner), r.Signature);
        await store.WantProofsAsync(request, use, r.KeyVersion, ct);
    }

    /// <summary>The encrypted result of a use; only its buyer can read it.</summary>
    public async Task<byte[]> SealedResultAsync(Address assetId, Hash32 request, uint use, Address reader, CancellationToken ct)
    {
        var found = await requests.ShowAsync(assetId, request, ct);
        if (found.Terms.Buyer != reader)
            throw new ApiException(403, "not-the-buyer", $"request {request} is another's than {reader}'s", "sign in with the buyer's key");
        if (found.Uses.FirstOrDefault(u => u.Use == use)?.ResultHash is not { } hash)
            throw new ApiException(404, "no-result", $"use {use} of request {request} has no result: {found.Meaning}", "see 'trove requests'");
        return await store.ResultAsync(request, use, hash, ct)
            ?? throw ApiException.NotFound($"result of use {use} of request {request}", "its hash is on chain, its bytes are with the node its runner worked for");
    }

    private async Task<UseInfo> OpenUseAsync(AssetRow asset, Hash32 request, uint use, CancellationToken ct)
    {
        var found = await RunnersUseAsync(asset, request, use, ct);
        return found.IsComputed ? found : throw Closed(found, request);
    }

    private async Task<UseInfo> RunnersUseAsync(AssetRow asset, Hash32 request, uint use, CancellationToken ct)
    {
        await reader.CatchUpAsync(ct);
        var found = await requests.ShowAsync(asset.Asset, request, ct);
        return found.Uses.FirstOrDefault(u => u.Use == use) ?? throw NoUse(request, use);
    }

    private static ApiException Closed(UseInfo use, Hash32 request) =>
        new(409, "use-closed", $"use {use.Use} of request {request} is {use.State}", "there is nothing to do any more");

    private static void RequireKey(UseInfo use, Hash32 request, uint keyVersion)
    {
        if (keyVersion != use.KeyVersion)
            throw new ApiException(409, "other-key", $"use {use.Use} of {request} has version {use.KeyVersion} of its key, not {keyVersion}", "speak of the version that is on chain");
    }

    private static ApiException NoUse(Hash32 request, uint use) => ApiException.NotFound($"use {use} of request {request}", "a runner opens it first");

    private static byte[] ReadSealed(string base64, int limit)
    {
        if (base64.Length > limit / 3 * 4)
            throw new ApiException(413, "too-large", $"a sealed file has at most {limit >> 20} MiB", "send less");
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out int length) && length > 0 ? bytes[..length] : throw ApiException.Invalid("the sealed file is not base64, or empty", "send an age file as base64");
    }
}
