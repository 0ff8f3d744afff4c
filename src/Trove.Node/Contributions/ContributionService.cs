using System.Globalization;
using System.Security.Cryptography;
using Trove.Chain.Durability;
using Trove.Chain;
using Trove.Core;
using Trove.Core.Payouts;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Evaluations;
using Trove.Node.Protocol;
using Trove.Node.Vault;
using Trove.Node.Verification;

namespace Trove.Node.Contributions;

/// <summary>
/// Takes contributions from announcement to the verifiers' queue, and out again when their owner withdraws. The
/// bytes themselves are the vault's affair.
/// </summary>
public sealed class ContributionService(NodeDatabase database, ContributionStore store, AssetStore assets, VerificationStore verification,
    VaultService vault, EvaluationService evaluations, ChainService chain, ChainRelay relay, ChainReader reader, TimeProvider clock)
{
    // A sum of 512 of them cannot overflow; the vault's own limits are far below.

    /// <summary>
    /// Takes an announcement: checks the signature, every part's proof of knowledge and that no ephemeral share serves
    /// twice, has the guardians draw the verifiers and answers with them. The same announcement may be made again,
    /// signed with another nonce, and gets the same verifiers and a fresh upload token.
    /// </summary>
    public async Task<AnnounceResponse> AnnounceAsync(Address assetId, AnnounceRequest request, CancellationToken ct)
    {
        var asset = await RequireAssetAsync(assetId, ct);
        var policy = asset.RequirePolicy();
        if (asset.Custody.OprfCommitments.Count == 0)
            throw new ApiException(409, "no-oprf-key", $"the guardians of asset {assetId} have no key for nullifiers: it was founded before there was one", "contribute to another asset");
        CheckParts(request.Parts, policy);

        var id = ContributionId.Of(chain.ChainId, asset.Ledger, request.Owner, request.Salt);
        var descriptors = request.Parts.Select(p => p.Descriptor()).ToList();
        var root = PartDescriptor.Tree(id, descriptors).Root;
        Signatures.RequireDeadline(request.Deadline, clock);
        Signatures.Require(request.Owner, Messages.Announce(Messages.Domain(chain.ChainId, asset.Ledger), assetId, id, request.Owner, root,
            descriptors.Sum(p => p.Size), request.Nonce, request.Deadline), request.Signature);

        if (await store.FindAsync(id, ct) is { } known)
            return await AgainAsync(known, request, root, asset, ct);

        foreach (var part in request.Parts)
        {
            var context = PartDescriptor.ProofContext(chain.ChainId, asset.Ledger, assetId, id, request.Owner, part.HeaderHash);
            if (!ProofOfKnowledge.Verify(ReadProof(part), part.EphemeralShare, context))
                throw new ApiException(403, "no-proof", $"the proof of knowledge of part {part.Kind} {part.Year} does not hold",
                    "only who made a part can contribute it: make the parts again with 'trove contribute'");
        }

        await Signatures.RequireFreshNonceAsync(database, request.Owner, request.Nonce, ct);
        await reader.ReadAsync(asset, book => book.Money, ct); // new is what no earlier epoch has: without them nothing is taken
        var question = new DrawQuestion(assetId, id, request.Owner, root, descriptors.Sum(p => p.Size), request.Nonce, request.Deadline, request.Signature);
        var proof = await evaluations.DrawAsync(asset, question, ct);
        var block = await chain.NextBlockAsync(ct);
        FaultPoint.Reach("announce.drawn");
        asset = await RequireAssetAsync(assetId, ct);
        var drawn = Drawn(asset, question, proof);
        string token = NewToken();
        bool inserted = await database.TransactAsync(async tx =>
        {
            await Signatures.TakeNonceAsync(tx, request.Owner, request.Nonce, request.Deadline);
            if (!await ContributionStore.InsertAsync(tx, id, assetId, request, root, block.Number, new ContributionDraw(question, proof), drawn, asset.Threshold, asset.SetVersion))
                return false;
            if (!await ContributionStore.TakeSharesAsync(tx, assetId, id, [.. descriptors.Select(p => p.EphemeralShare)]))
                throw new ApiException(409, "share-used", "an ephemeral share of these parts serves another contribution",
                    "make the parts again: each needs a stanza of its own");
            foreach (var part in descriptors)
                await vault.DeclareAsync(tx, id, request.Owner, BlobKind.Part, part.Sha256, part.Size, ct);
            await vault.SetUploadTokenAsync(tx, id, TokenHash(token));
            await ContributionStore.CountAsync(tx, assetId);
            return true;
        }, ct);
        FaultPoint.Reach("announce.committed");
        return inserted
            ? Response(id, block.Number, drawn, asset, token)
            : await AgainAsync((await store.FindAsync(id, ct))!, request, root, asset, ct);
    }

    /// <summary>Takes the signed manifest and declares the evidence to the vault.</summary>
    public async Task SetManifestAsync(Hash32 id, ManifestRequest request, CancellationToken ct)
    {
        var (row, asset) = await RequireAsync(id, ct);
        if (request.AnnouncedBlock != (ulong)row.AnnouncedBlock)
            throw new ApiException(409, "wrong-block", $"{id} was announced before block {row.AnnouncedBlock}, not {request.AnnouncedBlock}", "sign for the block that the announcement was answered with");
        if (request.PolicyHash != asset.PolicyHash)
            throw new ApiException(409, "policy-changed", $"the rules of {row.Asset} are {asset.PolicyHash} now", "read the new rules with 'trove asset show' and sign for them");
        if (request.EvidenceSize is <= 0)
            throw ApiException.Invalid("the evidence is empty", "contribute with the evidence that shows the parts are real");
        RequireSizes([.. row.ReadParts().Select(p => p.Size)], request.EvidenceSize);
        Signatures.RequireDeadline(request.Deadline, clock);
        Signatures.Require(row.Owner, Messages.Manifest(Messages.Domain(chain.ChainId, asset.Ledger), row.Asset, id, row.Owner, row.PartsRoot,
            request.Evidence, request.EvidenceSize, request.AnnouncedBlock, request.PolicyHash, request.Nonce, request.Deadline), request.Signature);

        await database.TransactAsync(async tx =>
        {
            var locked = (await ContributionStore.LockAsync(tx, id))!;
            if (locked.ReadManifest() is { } earlier && earlier.Evidence == request.Evidence && locked.State == ContributionState.Uploading)
                return; // sent again
            if (locked.State != ContributionState.Announced)
                throw new ApiException(409, "wrong-state", $"contribution {id} is {locked.State}", "a manifest is taken once, after the announcement");
            await Signatures.TakeNonceAsync(tx, row.Owner, request.Nonce, request.Deadline);
            await vault.DeclareAsync(tx, id, row.Owner, BlobKind.Evidence, request.Evidence, request.EvidenceSize, ct);
            await ContributionStore.SetManifestAsync(tx, id, request);
        }, ct);
        FaultPoint.Reach("manifest.committed");
    }

    /// <summary>All is uploaded: hands the contribution to its verifiers. May be asked again.</summary>
    public async Task CompleteAsync(Hash32 id, CancellationToken ct)
    {
        await RequireAsync(id, ct);
        int missing = await vault.FinishAsync(id, ct);
        await database.TransactAsync(async tx =>
        {
            var row = (await ContributionStore.LockAsync(tx, id))!;
            if (row.State is not (ContributionState.Announced or ContributionState.Uploading))
                return;
            if (row.State == ContributionState.Announced)
                throw new ApiException(409, "no-manifest", $"contribution {id} has no manifest yet", "send the signed manifest first");
            if (missing > 0)
                throw new ApiException(409, "incomplete", $"{missing} blobs of contribution {id} are not there yet", "upload the rest; GET …/blobs says where each stands");
            await ContributionStore.SetStateAsync(tx, id, ContributionState.Verifying);
            await ContributionStore.CallAsync(tx, row, 0, row.MustAgree);
        }, ct);
        FaultPoint.Reach("complete.committed");
    }

    /// <summary>
    /// Withdraws: the tombstone goes on chain first, then the ciphertext is destroyed. Nullifier and tags stay, so the
    /// same records earn nothing a second time.
    /// </summary>
    public async Task<TransactionInfo> WithdrawAsync(Hash32 id, WithdrawRequest request, CancellationToken ct)
    {
        var (row, asset) = await RequireAsync(id, ct);
        if (row.State == ContributionState.Withdrawn)
            throw new ApiException(409, "withdrawn", $"contribution {id} is withdrawn already", "nothing more is needed");
        Signatures.RequireDeadline(request.Deadline, clock);
        Signatures.Require(row.Owner, ContractDigests.Withdraw(chain.ChainId, asset.Ledger, row.Owner, id, (ulong)request.Deadline), request.Signature);
        var mined = await WithdrawAsync(asset, row, request, ct);
        await database.TransactAsync(async tx =>
        {
            await ContributionStore.LockAsync(tx, id);
            await ContributionStore.WithdrawAsync(tx, id);
            await VaultService.CondemnAsync(tx, id, null);
        }, ct);
        await vault.DestroyAsync(id, null, CancellationToken.None); // also when the client does not wait
        return mined;
    }

    // What an epoch rewarded goes apart from all else that its owner has this node send, as far as that reaches: everybody can leave.
    private async Task<TransactionInfo> WithdrawAsync(AssetRow asset, ContributionRow row, WithdrawRequest request, CancellationToken ct)
    {
        if (row.ReadReward() is { } reward && reward.Amount.Units > 0)
            try
            {
                return await chain.WithdrawAsync(asset.Ledger, relay.ForLeaving(asset, row.Owner), row.Owner, row.Salt, request, ct);
            }
            catch (ApiException e) when (e.Code == "gas-budget")
            {
                // as everything else, then
            }
        return await chain.WithdrawAsync(asset.Ledger, await reader.ReadAsync(asset, book => relay.For(asset, row.Owner, book), ct), row.Owner, row.Salt, request, ct);
    }

    /// <summary>A contribution as everybody may see it.</summary>
    /// <param name="id">Which.</param>
    /// <param name="viewer">Who asks under a session; null for anybody.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<ContributionInfo> ShowAsync(Hash32 id, Address? viewer, CancellationToken ct)
    {
        var (row, asset) = await RequireAsync(id, ct);
        return await DescribeAsync(row, await VestingAsync(asset, [row], ct), viewer, ct);
    }

    /// <summary>Contributions of an asset in order.</summary>
    public async Task<Page<ContributionInfo>> ListAsync(Address asset, Address? owner, PageRequest page, Address? viewer, CancellationToken ct)
    {
        var known = await RequireAssetAsync(asset, ct);
        var rows = await store.ListAsync(asset, owner, page.Position(), page.Limit + 1, ct); // one more says whether there is a next page
        var vesting = await VestingAsync(known, rows, ct);
        var list = new List<ContributionInfo>();
        foreach (var row in rows.Take(page.Limit))
            list.Add(await DescribeAsync(row, vesting, viewer, ct));
        return new Page<ContributionInfo>(list, rows.Count > page.Limit ? rows[page.Limit - 1].Seq.ToString(CultureInfo.InvariantCulture) : null);
    }

    /// <summary>Some contributions whose called verifiers have been silent since a moment, while others are in reserve.</summary>
    public Task<IReadOnlyList<Hash32>> SilentAsync(DateTimeOffset since, CancellationToken ct) => store.SilentAsync(since, 1000, ct);

    /// <summary>The row and its asset, or a refusal.</summary>
    public async Task<(ContributionRow Row, AssetRow Asset)> RequireAsync(Hash32 id, CancellationToken ct)
    {
        var row = await store.FindAsync(id, ct) ?? throw ApiException.NotFound($"contribution {id}", "list them with 'trove contributions'");
        return (row, await RequireAssetAsync(row.Asset, ct));
    }

    /// <summary>
    /// How a contribution's verifiers were drawn, as the committee in force shows it: its guardians evaluate again what those before them
    /// evaluated, with the same outcome. Null for one from before guardians drew.
    /// </summary>
    public async Task<DrawProof?> DrawnAsync(ContributionRow row, AssetRow asset, CancellationToken ct)
    {
        if (row.ReadDraw() is not { } draw || draw.Proof.CommitteeEpoch == asset.Custody.Epoch)
            return row.ReadDraw()?.Proof;
        var proof = await evaluations.DrawAsync(asset, draw.Question, ct);
        await store.SetDrawAsync(row.Id, draw with { Proof = proof }, ct);
        return proof;
    }

    // What earned and why is everybody's to check; what the parts are and why verifiers refused is the owner's to know.
    private async Task<ContributionInfo> DescribeAsync(ContributionRow row, IReadOnlyDictionary<Hash32, VestingState> vesting, Address? viewer, CancellationToken ct)
    {
        bool own = viewer == row.Owner;
        var answers = await verification.AnswersAsync(row.Id, ct);
        var reward = row.ReadReward();
        return new ContributionInfo(row.Id, row.Asset, row.Owner, row.State, ContributionState.Meaning(row.State), row.PartsRoot,
            own ? [.. row.ReadParts().Select(p => p.Descriptor())] : null, (ulong)row.AnnouncedBlock, row.DrawnVerifiers(), row.Called,
            new DateTimeOffset(row.AnnouncedAt, TimeSpan.Zero).ToUnixTimeMilliseconds(), own ? row.RefusalCode : null, own ? row.Refusal : null, (ulong?)row.Epoch,
            reward, reward?.Reason(), VerifierAnswer.Agreed(answers)?.Evidence?.Checks,
            [.. answers.Select(a => new AttestationInfo(a.Verifier, a.Facts, own ? a.Code : null, own ? a.Reason : null, Hex.Encode(a.Signature)))], vesting.GetValueOrDefault(row.Id));
    }

    // Where the shares of those stand that earned some; nothing where an asset's shares do not vest.
    private async Task<IReadOnlyDictionary<Hash32, VestingState>> VestingAsync(AssetRow asset, IReadOnlyList<ContributionRow> rows, CancellationToken ct) => asset.Vesting.Epochs == 0 || rows.All(r => r.Epoch is null)
        ? new Dictionary<Hash32, VestingState>()
        : await reader.ReadAsync(asset, b => rows.Select(r => (r.Id, State: b.Money.StateOf(r.Id))).Where(r => r.State is not null).ToDictionary(r => r.Id, r => r.State!), ct);

    private async Task<AnnounceResponse> AgainAsync(ContributionRow row, AnnounceRequest request, Hash32 root, AssetRow asset, CancellationToken ct)
    {
        if (row.PartsRoot != root)
            throw new ApiException(409, "salt-used", $"contribution {row.Id} was announced with other parts", "announce with a fresh salt");
        string token = NewToken();
        await database.TransactAsync(async tx =>
        {
            await Signatures.TakeNonceAsync(tx, request.Owner, request.Nonce, request.Deadline);
            await vault.SetUploadTokenAsync(tx, row.Id, TokenHash(token));
        }, ct);
        return Response(row.Id, (ulong)row.AnnouncedBlock, row.DrawnVerifiers(), asset, token);
    }

    private static Address[] Drawn(AssetRow asset, DrawQuestion q, DrawProof proof)
    {
        using var draw = new VerifierDraw(q.Asset, q.Contribution, q.Owner, q.PartsRoot);
        var custody = asset.Custody;
        var seed = draw.Seed(custody.Epoch, OprfKey.Create((int)custody.Threshold, custody.OprfCommitments), proof)
            ?? throw new ApiException(409, "other-committee", $"the guardians of {q.Asset} changed while they drew", "announce it again");
        return VerifierAssignment.Draw(seed, q.Contribution, [.. asset.Verifiers], Verdict.Drawn(asset.Verifiers.Count, asset.Threshold));
    }

    private static AnnounceResponse Response(Hash32 id, ulong block, IReadOnlyList<Address> drawn, AssetRow asset, string token)
    {
        var keys = AssetService.Verifiers(asset).ToDictionary(v => v.Address);
        return new AnnounceResponse(id, block, [.. drawn.Select(v => keys[v])], token);
    }

    private static byte[] ReadProof(AnnouncedPart part)
    {
        var proof = new byte[ProofOfKnowledge.Size];
        return Hex.TryDecode(part.Proof, proof) ? proof : throw ApiException.Invalid($"the proof of part {part.Kind} {part.Year} is not 96 bytes as 0x text", "make the parts again with 'trove contribute'");
    }

    private static string NewToken() => RandomNumberGenerator.GetHexString(64, lowercase: true);

    private static Hash32 TokenHash(string token) => new(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(token)));

    private static void CheckParts(IReadOnlyList<AnnouncedPart> parts, AssetPolicy policy)
    {
        if (parts is null || parts.Count is 0 or > PartDescriptor.MaxPerContribution)
            throw ApiException.Invalid($"a contribution has 1 to {PartDescriptor.MaxPerContribution} parts", "contribute an export that has records");
        foreach (var part in parts)
        {
            if (part is null)
                throw ApiException.Invalid("a part is null", "make the parts again with 'trove contribute'");
            if (!policy.Kinds.Contains(part.Kind))
                throw new ApiException(403, "kind-not-taken", "the rules of this asset do not take records of one of the kinds announced",
                    $"leave them out; it takes {string.Join(", ", policy.Kinds)}");
            if (part.Year is < 0 or > 9999 || part.Size < 1 || part.Proof is not { Length: 2 + 2 * ProofOfKnowledge.Size })
                throw ApiException.Invalid($"part {part.Kind} {part.Year} has a year, size or proof out of bounds", "make the parts again with 'trove contribute'");
        }
        RequireSizes([.. parts.Select(p => p.Size)], 1);
        if (parts.Select(p => (p.Kind, p.Year)).Distinct().Count() != parts.Count
            || parts.Select(p => p.EphemeralShare).Distinct().Count() != parts.Count
            || parts.Select(p => p.Sha256).Distinct().Count() != parts.Count)
            throw ApiException.Invalid("two parts share kind and year, ephemeral share or bytes", "make the parts again with 'trove contribute'");
    }

    // Before anything is uploaded: verifiers would refuse it.
    private static void RequireSizes(IReadOnlyCollection<long> parts, long evidence)
    {
        try
        {
            ContributionChecker.RequireSizes(parts, evidence);
        }
        catch (RefusedException e)
        {
            throw new ApiException(400, e.Code, e.Message, "leave kinds or years out, or contribute a smaller export");
        }
    }

    private async Task<AssetRow> RequireAssetAsync(Address asset, CancellationToken ct) =>
        await assets.FindAsync(asset, ct) ?? throw ApiException.NotFound($"asset {asset}", "list them with 'trove asset list'");
}
