using Microsoft.Extensions.Logging;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Contributions;
using Trove.Node.Database;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Staking;
using Trove.Node.Vault;

namespace Trove.Node.Verification;

/// <summary>
/// The node's side of verification: hands out work, takes answers, and decides nothing itself. A contribution is
/// attested when as many verifiers as must agree signed equal facts, and refused when that cannot be any more
/// (<see cref="Verdict"/>). Either way the evidence is destroyed.
/// </summary>
public sealed class VerificationService(NodeDatabase database, VerificationStore store, ContributionService contributions, AssetService assets,
    VaultService vault, WorkQueue queue, ChainService chain, ContradictionFolder contradictions, Drain drain, TimeProvider clock, ILogger<VerificationService> log)
{
    /// <summary>Largest tag list that is taken in one request.</summary>
    public const int MaxTagBytes = 24 << 20;

    private static readonly TimeSpan PollPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongPoll = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan StrangersPause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Leases the next piece of work, waiting a while for one. Null when there is none. Who verifies no asset (yet) is asked to wait
    /// without costing the database anything, or any stranger's key could keep it busy.
    /// </summary>
    public async Task<VerifierWork?> NextAsync(VerifierRequest request, CancellationToken ct)
    {
        await AuthoriseAsync(request, "work", default, ct);
        long started = clock.GetTimestamp();
        bool known = false;
        string topic = VerifierJob.Topic(request.Verifier);
        while (true)
        {
            var woken = known ? queue.WaitAsync(topic, PollPause, ct) : Task.CompletedTask; // taken before looking
            if (drain.Stopping.IsCancellationRequested)
                return null;
            if (await queue.ClaimAsync(topic, ct) is { } item)
            {
                if (!ct.IsCancellationRequested)
                    return await DescribeAsync(item, ct);
                await queue.GiveBackAsync(item, CancellationToken.None); // who asked is gone
                return null;
            }
            if (clock.GetElapsedTime(started) >= LongPoll)
                return null;
            if (!known && !(known = await assets.IsVerifierAsync(request.Verifier, ct)))
            {
                await Task.Delay(StrangersPause, clock, ct);
                return null;
            }
            await woken;
        }
    }

    /// <summary>Keeps a lease while a long check runs. False when it was lost.</summary>
    public async Task<bool> HeartbeatAsync(VerifierRequest request, string lease, CancellationToken ct)
    {
        await AuthoriseAsync(request, "heartbeat", default, ct);
        return await queue.HeartbeatAsync(RequireLease(lease, request.Verifier), ct);
    }

    /// <summary>Takes a lease back from a verifier that stops, so that the work need not wait until it ends. False when it was lost.</summary>
    public async Task<bool> GiveBackAsync(VerifierRequest request, string lease, CancellationToken ct)
    {
        await AuthoriseAsync(request, "give-back", default, ct);
        return await queue.GiveBackAsync(RequireLease(lease, request.Verifier), ct);
    }

    /// <summary>Opens the sealed evidence for a verifier that was drawn for it.</summary>
    public async Task<Stream> EvidenceAsync(Hash32 contribution, VerifierRequest request, CancellationToken ct)
    {
        await AuthoriseAsync(request, "evidence", contribution, ct);
        var (row, _) = await contributions.RequireAsync(contribution, ct);
        RequireAssigned(row, request.Verifier);
        return await vault.OpenReadAsync(row.ReadManifest()?.Evidence ?? default, BlobKind.Evidence, ct);
    }

    /// <summary>Takes an attestation.</summary>
    public async Task AttestAsync(Hash32 contribution, AttestRequest request, CancellationToken ct)
    {
        var lease = RequireLease(request.Lease, request.Verifier);
        var (row, asset) = await contributions.RequireAsync(contribution, ct);
        RequireAssigned(row, request.Verifier);
        if (request.Evidence.Problem() is { } problem)
            throw ApiException.Invalid(problem, "send the results as the checker makes them");
        var facts = request.Facts;
        var expected = new Attestation(chain.ChainId, asset.Ledger, asset.Asset, contribution, row.Owner, row.PartsRoot,
            request.Evidence.Hash(), facts.TagsHash, facts.Nullifier, facts.Words, (ulong)row.AnnouncedBlock,
            row.ReadManifest()?.PolicyHash ?? default, (ulong)row.SetVersion, facts.CodeVersion);
        if (facts != expected)
            throw new ApiException(409, "other-facts", $"the facts attested for {contribution} name another chain, ledger, asset, owner, parts, block, policy or verifier set",
                "attest exactly the contribution that was leased");
        var tags = ReadTags(request.Tags);
        if (tags.Hash() != facts.TagsHash)
            throw ApiException.Invalid("the tag list is not the one attested", "send the list whose SHA-256 is in the facts");
        var signature = Signatures.Require(request.Verifier, Messages.Attest(facts), request.Signature);
        try
        {
            await AnswerAsync(row.Id, lease, new VerifierAnswer(request.Verifier, facts, request.Evidence, null, null, signature), tags, ct);
        }
        finally
        {
            // What is not taken, or comes too late, was signed all the same; also when who signed does not wait.
            await KeepContradictionsAsync(row, request.Verifier, new AttestationStatement(facts, Hex.Encode(signature)), CancellationToken.None);
        }
    }

    // A verifier's second answer, and who found otherwise than as many as must agree.
    private async Task KeepContradictionsAsync(ContributionRow row, Address verifier, AttestationStatement signed, CancellationToken ct)
    {
        var answers = (await store.AnswersAsync(row.Id, ct)).Where(a => a.Facts is not null).Select(a => (a.Verifier, Statement: new AttestationStatement(a.Facts!, Hex.Encode(a.Signature)))).ToList();
        if (answers.Find(a => a.Verifier == verifier).Statement is { } before && before.Contradicts(signed))
            contradictions.Keep(verifier, $"attestations-{row.Id.ToHex()}", new SignedStatements(row.Asset, Attestations: [before, signed]));
        if (answers.GroupBy(a => a.Statement.Facts).FirstOrDefault(g => g.Count() >= AttestationStatement.MustAgree(row.MustAgree)) is not { } agreed)
            return;
        foreach (var (who, other) in answers.Append((verifier, Statement: signed)).Where(a => agreed.First().Statement.Outvotes(a.Statement)))
            contradictions.Keep(who, $"outvoted-{row.Id.ToHex()}", new SignedStatements(row.Asset, Attestations: [.. agreed.Select(a => a.Statement), other]));
    }

    /// <summary>Takes a refusal.</summary>
    public async Task RefuseAsync(Hash32 contribution, RefuseRequest request, CancellationToken ct)
    {
        var lease = RequireLease(request.Lease, request.Verifier);
        var (row, asset) = await contributions.RequireAsync(contribution, ct);
        RequireAssigned(row, request.Verifier);
        if (request.Code is not { Length: > 0 and <= 64 } || request.Reason is not { Length: > 0 and <= 500 })
            throw ApiException.Invalid("a refusal has a code of 1 to 64 and a reason of 1 to 500 characters", "shorten them");
        var signature = Signatures.Require(request.Verifier,
            Messages.Refuse(Messages.Domain(chain.ChainId, asset.Ledger), asset.Asset, contribution, request.Code, request.Reason), request.Signature);
        await AnswerAsync(row.Id, lease, new VerifierAnswer(request.Verifier, null, null, request.Code, request.Reason, signature), null, ct);
    }

    /// <summary>A tag list by its hash.</summary>
    public async Task<byte[]> TagsAsync(Hash32 hash, CancellationToken ct) =>
        await store.TagsAsync(hash, ct) ?? throw ApiException.NotFound($"tag list {hash}", "take the hash from an attestation's facts");

    private async Task AnswerAsync(Hash32 contribution, WorkItem lease, VerifierAnswer answer, TagList? tags, CancellationToken ct)
    {
        bool decided = await database.TransactAsync(async tx =>
        {
            var row = (await ContributionStore.LockAsync(tx, contribution))!;
            await WorkQueue.CompleteAsync(tx, lease);
            if (row.State != ContributionState.Verifying)
                return true; // decided by the answers of others, or withdrawn: what they agreed on must stay what most agree on
            await VerificationStore.PutAnswerAsync(tx, contribution, answer);
            if (tags is not null)
                await VerificationStore.PutTagsAsync(tx, answer.Facts!.TagsHash, tags.ToBytes());
            return await DecideAsync(tx, row, await VerificationStore.AnswersAsync(tx, contribution));
        }, ct);
        FaultPoint.Reach("attest.committed");
        if (decided)
        {
            // Also when the verifier does not wait for it.
            bool refused = (await contributions.RequireAsync(contribution, CancellationToken.None)).Row.State == ContributionState.Refused;
            await vault.DestroyAsync(contribution, refused ? null : BlobKind.Evidence, CancellationToken.None);
            log.LogInformation(LogEvents.ContributionDecided, "Contribution {Contribution} is decided; {What} destroyed", contribution, refused ? "all its ciphertext is" : "its evidence is");
        }
    }

    /// <summary>
    /// Decides a contribution once that can be done, and condemns with the decision what nobody will open any more. Were that a
    /// step after it, a crash in between would keep the evidence for ever.
    /// </summary>
    /// <returns>False while answers are missing.</returns>
    internal static async Task<bool> DecideAsync(Npgsql.NpgsqlTransaction tx, ContributionRow row, IReadOnlyList<VerifierAnswer> answers)
    {
        var verdict = Verdict.Of([.. answers.Select(a => a.Facts)], row.MustAgree, row.Called, row.Verifiers.Length);
        if (verdict.Call > 0)
            await ContributionStore.CallAsync(tx, row, row.Called, row.Called + verdict.Call);
        if (verdict.Decision == Decision.Open)
            return false;
        if (verdict.Decision == Decision.Refused)
            return answers.First(a => a.Facts is null) is var refusal && await RefusedAsync(tx, row.Id, refusal.Code!, refusal.Reason!);
        if (verdict.Decision == Decision.Disagreed)
            return await RefusedAsync(tx, row.Id, "verifiers-disagree", "the verifiers found different facts; their signed answers are published with the contribution");
        var agreed = VerifierAnswer.Agreed(answers)!;
        if (!await ContributionStore.AttestAsync(tx, row.Id, row.Asset, agreed.Facts!.Nullifier, agreed.Evidence!.Control()))
            return await RefusedAsync(tx, row.Id, "account-known", "another wallet has shown that this platform account is its own: contribute with that wallet, or with stronger evidence");
        await VaultService.CondemnAsync(tx, row.Id, BlobKind.Evidence);
        return true;
    }

    // What was refused will never be opened for anybody: its parts go with the evidence.
    private static async Task<bool> RefusedAsync(Npgsql.NpgsqlTransaction tx, Hash32 id, string code, string reason)
    {
        await ContributionStore.RefuseAsync(tx, id, code, reason);
        await VaultService.CondemnAsync(tx, id, null);
        return true;
    }

    /// <summary>Calls one more of the reserve for each contribution whose verifiers have been silent since a moment.</summary>
    /// <returns>How many were called.</returns>
    public async Task<int> CallReserveAsync(DateTimeOffset since, CancellationToken ct)
    {
        var silent = await contributions.SilentAsync(since, ct);
        foreach (var id in silent)
        {
            await database.TransactAsync(async tx =>
            {
                if (await ContributionStore.LockAsync(tx, id) is { State: ContributionState.Verifying } row && row.Called < row.Verifiers.Length)
                    await ContributionStore.CallAsync(tx, row, row.Called, row.Called + 1);
            }, ct);
            log.LogWarning(LogEvents.ReserveCalled, "Verifiers of {Contribution} have been silent since {Since:u}: one more is called", id, since);
        }
        return silent.Count;
    }

    private async Task<VerifierWork?> DescribeAsync(WorkItem item, CancellationToken ct)
    {
        var job = VerifierJob.Read(item);
        string lease = VerifierJob.LeaseText(item);
        if (job.Contribution is { } id)
        {
            var (row, asset) = await contributions.RequireAsync(id, ct);
            if (row.State == ContributionState.Verifying && await contributions.DrawnAsync(row, asset, ct) is { } draw)
                return new VerifierWork(lease, new CheckWork(await assets.DescribeAsync(asset, ct),
                    id, row.Owner, row.Salt, row.ReadParts(), row.ReadManifest()!, draw), null);
            await database.TransactAsync(async tx =>
            {
                if ((await ContributionStore.LockAsync(tx, id))!.State == ContributionState.Verifying)
                    await RefusedAsync(tx, id, "not-drawn", "its verifiers were drawn by the rules of before: contribute again");
            }, ct);
        }
        else if (job.Asset is { } assetId)
        {
            var asset = await assets.RequireAsync(assetId, ct);
            if (await store.EpochAsync(assetId, job.Epoch, ct) is { State: "signing" } epoch)
                return new VerifierWork(lease, null, new SignWork(await assets.DescribeAsync(asset, ct), job.Epoch, epoch.PreviousRoot,
                    (ulong)epoch.SetVersion, await store.ContributionsAsync(epoch, ct), epoch.Root));
        }
        await database.TransactAsync(tx => WorkQueue.CompleteAsync(tx, item), ct); // decided without this verifier
        return null;
    }

    private async Task AuthoriseAsync(VerifierRequest request, string purpose, Hash32 subject, CancellationToken ct)
    {
        if (request.Purpose != purpose || request.Subject != subject)
            throw new ApiException(403, "wrong-purpose", $"the request was signed for another purpose than '{purpose}'", "sign a request for this purpose");
        Signatures.RequireDeadline(request.Deadline, clock);
        Signatures.Require(request.Verifier, Messages.VerifierRequest(Messages.Domain(chain.ChainId, chain.Factory), request.Verifier, purpose,
            subject, request.Nonce, request.Deadline), request.Signature);
        await database.TransactAsync(tx => Signatures.TakeNonceAsync(tx, request.Verifier, request.Nonce, request.Deadline), ct);
    }

    private static void RequireAssigned(ContributionRow row, Address verifier)
    {
        if (!row.CalledVerifiers().Contains(verifier))
            throw new ApiException(403, "not-assigned", $"{verifier} is not called to check contribution {row.Id}", "check only the work that was leased to you");
    }

    internal static WorkItem RequireLease(string lease, Address verifier) => VerifierJob.ReadLease(lease, verifier)
        ?? throw ApiException.Invalid("the lease is not one of this node's", "send the lease that came with the work");

    private static TagList ReadTags(string base64)
    {
        if (base64.Length > MaxTagBytes / 3 * 4)
            throw new ApiException(413, "tags-too-large", $"the tag list is larger than {MaxTagBytes >> 20} MiB", "split the export by year and contribute in parts");
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out int length) && TagList.TryRead(bytes.AsSpan(0, length), out var tags)
            ? tags
            : throw ApiException.Invalid("the tag list is not in canonical form", "send it as TagList writes it");
    }
}
