using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Durability;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Crypto.Dkim;
using Trove.Node.Chain;
using Trove.Node.Epochs;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Verification.Pages;
using Epoch = Trove.Core.Rewards.Epoch;

namespace Trove.Node.Verification;

/// <summary>A verifier was asked to sign an epoch that is larger than an epoch may be: not signed.</summary>
internal sealed class EpochTooLargeException(string message) : Exception(message);

/// <summary>
/// A verifier: a process with its own keys and its own view of the chain. It takes work from a node, believes nothing
/// the node says that signatures or the chain do not show, checks in memory, and signs what it found.
/// </summary>
/// <param name="folder">Where it keeps which facts and roots it signed: its own, and the same at every start.</param>
/// <param name="lookup">Asks the DNS for TXT records.</param>
/// <param name="fetch">Gets public pages of platforms; see <see cref="PageFetcher.GetAsync"/>.</param>
/// <param name="log">What it does.</param>
/// <param name="clock">How long others are silent; the machine's when null.</param>
public sealed class VerifierProcess(TroveClient node, EthClient chain, KeyFile key, string folder, Func<string, CancellationToken, Task<TxtAnswer>> lookup,
    Func<Uri, CancellationToken, Task<PageAnswer>> fetch, ILogger<VerifierProcess> log, TimeProvider? clock = null)
{
    /// <summary>Blocks after its announcement in which a contribution is checked: a week of 12 seconds, so that nobody keeps a lucky draw for later.</summary>
    internal const ulong MaxAge = 50_400;

    private const ulong LatestTime = 1UL << 37; // seconds, beyond the year 6000: a chain may say anything
    private const int ReadAtOnce = 8;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);

    // Others wait meanwhile: the work that guardians or the DNS keep waiting goes back behind them, and the question stays open.
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan GiveBackWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(20);

    private readonly Dictionary<Address, (ulong Epoch, NoveltyIndex Index)> _indexes = [];
    private readonly VerifierEvaluations _evaluations = new(node, chain, key.SigningKey, Patience, TimeProvider.System);
    private readonly AttestationSigner _attestations = new(folder, key.SigningKey);
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Silence _dns = new(clock ?? TimeProvider.System), _platforms = new(clock ?? TimeProvider.System);
    private readonly RootSigner _roots = new(folder, key.SigningKey);
    private NodeInfo _info = null!;

    /// <summary>An epoch whose tag lists have more bytes together is not signed.</summary>
    internal long MaxTagBytes { get; init; } = Epoch.MaxTagBytes;

    /// <summary>Works until <paramref name="ct"/> ends it. A node that is away is asked again.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        using var evaluations = _evaluations;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                _info ??= await node.InfoAsync(ct);
                if (await node.NextWorkAsync(Request("work", default), ct) is { } work)
                    await DoAsync(work, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (SecondRootException e)
            {
                // The work comes again when its lease ends; the answer stays.
                log.LogError(LogEvents.SecondRootRefused, "{Message}", e.Message);
                await Task.WhenAny(Task.Delay(Pause, ct));
            }
            catch (EpochTooLargeException e)
            {
                log.LogError(LogEvents.EpochTooLarge, "{Message}", e.Message);
                await Task.WhenAny(Task.Delay(Pause, ct));
            }
            catch (Exception e) when (e is TroveApiException or RpcException or InvalidDataException or IOException)
            {
                // The work stays in the queue; its lease ends and it comes again.
                log.LogWarning(LogEvents.VerifierRetries, "{Message}; trying again in {Seconds} s", e.Message, Pause.TotalSeconds);
                await Task.WhenAny(Task.Delay(Pause, ct));
            }
        }
    }

    private async Task DoAsync(VerifierWork work, CancellationToken ct)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var beating = BeatAsync(work.Lease, done.Token);
        try
        {
            if (work.Check is { } check)
                await CheckAsync(work.Lease, check, ct);
            else if (work.Sign is { } sign)
                await SignAsync(work.Lease, sign, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            await GiveBackAsync(work.Lease, "Stopping");
            throw;
        }
        catch (GuardiansSilentException e)
        {
            log.LogWarning(LogEvents.GuardiansSilent, "{Message}; trying again later", e.Message);
            await GiveBackAsync(work.Lease, "Guardians are silent");
        }
        catch (DnsSilentException e)
        {
            log.LogWarning(LogEvents.DnsSilent, "{Message}; trying again later", e.Message);
            await GiveBackAsync(work.Lease, "The DNS is silent");
        }
        catch (PlatformSilentException e)
        {
            log.LogWarning(LogEvents.PlatformSilent, "{Message}; trying again later", e.Message);
            await GiveBackAsync(work.Lease, "A platform is silent");
        }
        finally
        {
            await done.CancelAsync();
            await beating;
        }
    }

    private async Task CheckAsync(string lease, CheckWork work, CancellationToken ct)
    {
        var domain = Messages.Domain(_info.ChainId, work.Asset.Ledger);
        try
        {
            var asset = await ReadAssetAsync(work.Asset, ct);
            var (announced, seed) = await CheckPapersAsync(work, asset, ct);
            var findings = await CheckContentAsync(work, asset, announced, seed, ct);
            var facts = new Attestation(_info.ChainId, work.Asset.Ledger, work.Asset.Asset, work.Contribution, work.Owner, PartsRoot(work),
                findings.Evidence.Hash(), findings.Tags.Hash(), findings.Nullifier, findings.Words, work.Manifest.AnnouncedBlock, work.Manifest.PolicyHash,
                asset.SetVersion, ContributionChecker.CodeVersion);
            FaultPoint.Reach("attest.computed");
            await node.AttestAsync(work.Contribution, new AttestRequest(lease, key.SigningKey.Address, facts, findings.Evidence,
                Convert.ToBase64String(findings.Tags.ToBytes()), Hex.Encode(_attestations.Sign(facts))), ct);
            log.LogInformation(LogEvents.Attested, "Attested {Contribution}: {Words} words, {Records} records", work.Contribution, findings.Words, findings.Tags.Entries.Count);
        }
        catch (RefusedException e)
        {
            var digest = Messages.Refuse(domain, work.Asset.Asset, work.Contribution, e.Code, e.Message);
            await node.RefuseAsync(work.Contribution, new RefuseRequest(lease, key.SigningKey.Address, e.Code, e.Message, Sign(digest)), ct);
            log.LogInformation(LogEvents.Refused, "Refused {Contribution}: {Code}", work.Contribution, e.Code);
        }
    }

    // Everything about a contribution but its content: whose it is, that it was drawn to this verifier, under which rules. Returns when it was announced, and by which seed it was drawn.
    private async Task<(DateTimeOffset Announced, Hash32 Seed)> CheckPapersAsync(CheckWork work, AssetOnChain asset, CancellationToken ct)
    {
        var m = work.Manifest;
        if (ContributionId.Of(_info.ChainId, work.Asset.Ledger, work.Owner, work.Salt) != work.Contribution)
            throw new RefusedException("wrong-id", "its id was not made of its owner and salt for this ledger");
        ContributionChecker.RequireSizes([.. work.Parts.Select(p => p.Size)], m.EvidenceSize);
        var digest = Messages.Manifest(Messages.Domain(_info.ChainId, work.Asset.Ledger), work.Asset.Asset, work.Contribution, work.Owner, PartsRoot(work),
            m.Evidence, m.EvidenceSize, m.AnnouncedBlock, m.PolicyHash, m.Nonce, m.Deadline);
        if (!Signed(work.Owner, digest, m.Signature))
            throw new RefusedException("wrong-signature", "its manifest is not signed by its owner");
        if (work.Asset.Policy is not { } policy || policy.Hash() != m.PolicyHash || m.PolicyHash != asset.PolicyHash)
            throw new RefusedException("policy-changed", "it was made under rules that are not in force: contribute again");
        ulong head = await chain.BlockNumberAsync(ct);
        if (await chain.GetBlockAsync(BlockTag.At(m.AnnouncedBlock), ct) is not { } announced || m.AnnouncedBlock + MaxAge < head)
            throw new RefusedException("too-old", "it was announced more than a week ago, or before a block that is not there: contribute again");
        var seed = await _evaluations.SeedAsync(asset.View, work.Contribution, Drawn(work), ct);
        if (!VerifierAssignment.Draw(seed, work.Contribution, asset.Verifiers, Verdict.Drawn(asset.Verifiers.Count, (int)asset.Threshold)).Contains(key.SigningKey.Address))
            throw new RefusedException("not-drawn", "the guardians did not draw this verifier");
        foreach (var part in work.Parts)
        {
            var context = PartDescriptor.ProofContext(_info.ChainId, work.Asset.Ledger, work.Asset.Asset, work.Contribution, work.Owner, part.HeaderHash);
            var proof = new byte[ProofOfKnowledge.Size];
            if (!Hex.TryDecode(part.Proof, proof) || !ProofOfKnowledge.Verify(proof, part.EphemeralShare, context))
                throw new RefusedException("no-proof", $"the proof of knowledge of part {part.Kind} {part.Year} does not hold");
        }
        return (DateTimeOffset.FromUnixTimeSeconds((long)Math.Min(announced.Timestamp, LatestTime)), seed);
    }

    private async Task<ContributionChecker.Findings> CheckContentAsync(CheckWork work, AssetOnChain asset, DateTimeOffset announced, Hash32 seed, CancellationToken ct)
    {
        var tagKey = await _evaluations.TagKeyAsync(asset.View, ct);
        var sealedEvidence = await node.EvidenceAsync(work.Contribution, Request("evidence", work.Contribution), work.Manifest.EvidenceSize, ct);
        if (new Hash32(SHA256.HashData(sealedEvidence)) != work.Manifest.Evidence)
            throw new InvalidDataException($"the node sent other evidence for {work.Contribution} than its owner signed");
        using var evidence = await OpenEvidenceAsync(sealedEvidence, ct);
        var parts = work.Parts.Select(p => p.Descriptor()).ToList();
        var findings = await ContributionChecker.CheckAsync(work.Asset.Policy!, new X25519Recipient(asset.Recipient), tagKey,
            (platform, account, cancel) => _evaluations.NullifierAsync(asset.View, work.Contribution, Drawn(work), platform, account, cancel),
            (platform, account, cancel) => _dns.BoundAsync(work.Contribution, announced,
                () => MailEvidence.CheckAsync(platform, account, evidence.Mails, announced, new KeyRecords(lookup, _clock).FindAsync, cancel)),
            seed, (platform, account, drawn, cancel) => _platforms.BoundAsync(work.Contribution, announced,
                () => PageEvidence.CheckAsync(platform, account, evidence.Pages, AccountCode.Of(_info.ChainId, work.Asset.Ledger, work.Owner), drawn, fetch, cancel)), parts,
            (part, cancel) => node.BlobAsync(part.Sha256, part.Size, cancel), evidence, ct);
        // Who found otherwise of other evidence is no liar (Stakes.showOutvoted).
        return findings with { Evidence = new([.. findings.Evidence.Checks, new EvidenceCheck(EvidenceKinds.Sealed, CheckOutcome.Passed, $"the evidence is {work.Manifest.Evidence}, as its owner signed")]) };
    }

    private async Task SignAsync(string lease, SignWork work, CancellationToken ct)
    {
        var asset = await ReadAssetAsync(work.Asset, ct);
        if (work.Asset.Policy is not { } policy || policy.Hash() != asset.PolicyHash)
            throw new InvalidDataException($"the node has not the rules of asset {work.Asset.Asset} that are in force");
        var ledger = new Ledger(work.Asset.Ledger);
        var previous = work.Epoch == 1 ? default : (await ledger.EpochOfAsync(chain, work.Epoch - 1, cancel: ct)).Root;
        if (work.Contributions.Count > EpochService.MaxContributions)
            throw new EpochTooLargeException($"epoch {work.Epoch} of asset {work.Asset.Asset} has {work.Contributions.Count} contributions, more than the {EpochService.MaxContributions} of an epoch; not signed");
        var index = await IndexBeforeAsync(work.Asset, work.Epoch, asset, ct);
        var attested = new List<AttestedContribution>(work.Contributions.Count);
        long bytes = 0;
        await foreach (var one in ReadAttestedAsync(work.Contributions, asset, Count, ct))
            attested.Add(one);
        var epoch = Epoch.Close(work.Epoch, previous, policy, index, attested);
        if (epoch.Tree.Root != work.Root)
            throw new InvalidDataException($"epoch {work.Epoch} of asset {work.Asset.Asset}: computed root {epoch.Tree.Root}, the node proposes {work.Root}; not signed");
        await node.SignEpochAsync(work.Asset.Asset, work.Epoch, new SignEpochRequest(lease, key.SigningKey.Address, epoch.Tree.Root,
            Hex.Encode(_roots.Sign(_info.ChainId, work.Asset.Ledger, ContractDigests.RootOf(epoch, asset.SetVersion)))), ct);
        log.LogInformation(LogEvents.EpochSigned, "Signed epoch {Epoch} of {Asset}: {Total} shares for {Leaves} contributions", epoch.Number, work.Asset.Asset, epoch.Total, epoch.Leaves.Count);

        void Count(int read)
        {
            if (Interlocked.Add(ref bytes, read) > MaxTagBytes)
                throw new EpochTooLargeException($"the tag lists of epoch {work.Epoch} of asset {work.Asset.Asset} have more than the {MaxTagBytes} bytes of an epoch; not signed");
        }
    }

    // What earlier epochs had, each held against its root on chain; kept between epochs.
    private async Task<NoveltyIndex> IndexBeforeAsync(AssetInfo info, ulong number, AssetOnChain asset, CancellationToken ct)
    {
        var (last, index) = _indexes.TryGetValue(info.Asset, out var before) ? before : (0, new NoveltyIndex());
        var ledger = new Ledger(info.Ledger);
        for (ulong n = last + 1; n < number; n++)
        {
            var posted = await node.EpochAsync(info.Asset, n, ct);
            var epoch = Epoch.FromRewards(n, posted.PreviousRoot, [.. (await node.RewardsAsync(info.Asset, n, ct)).Select(r => r.Reward)]);
            // The root has no leaves for those who earned nothing, and they count too.
            if (await ledger.EpochOfAsync(chain, n, cancel: ct) is var known && (epoch.Tree.Root, epoch.TreeHash) != (known.Root, known.TreeHash))
                throw new InvalidDataException($"the node's document of epoch {n} of asset {info.Asset} is not the one on chain");
            await index.AddAsync(epoch.Rewards, ReadAttestedAsync(epoch.Rewards.Where(r => r.IsRemembered).Select(r => r.Contribution), asset, null, ct), ct);
            _indexes[info.Asset] = (n, index);
        }
        return index;
    }

    // In their order, some at a time: a large epoch is many round trips, and earlier ones together are more than memory holds.
    private async IAsyncEnumerable<AttestedContribution> ReadAttestedAsync(IEnumerable<Hash32> ids, AssetOnChain asset, Action<int>? reading, [EnumeratorCancellation] CancellationToken ct)
    {
        var sets = new ConcurrentDictionary<ulong, VerifierSet>();
        foreach (var some in ids.Chunk(ReadAtOnce))
            foreach (var one in await Task.WhenAll(some.Select(id => ReadAttestedAsync(id, asset, sets, reading, ct))))
                yield return one;
    }

    // A contribution counts as its verifiers signed it: at least m of them, equal facts, and lists that hash to them.
    private async Task<AttestedContribution> ReadAttestedAsync(Hash32 id, AssetOnChain asset, ConcurrentDictionary<ulong, VerifierSet> sets, Action<int>? reading, CancellationToken ct)
    {
        var info = await node.ContributionAsync(id, ct);
        var facts = info.Attestations.Where(a => a.Facts is not null).GroupBy(a => a.Facts).MaxBy(g => g.Count())?.Key; // others may have found other facts
        if (facts is null || facts.Contribution != id || facts.ChainId != _info.ChainId || facts.Ledger != asset.View.Ledger.Address)
            throw new InvalidDataException($"contribution {id} is not attested for this ledger");
        // The set it was checked by, which may have been replaced since.
        if (!sets.TryGetValue(facts.VerifierSetVersion, out var set))
            sets[facts.VerifierSetVersion] = set = await asset.View.Registry.VerifierSetAsync(chain, facts.VerifierSetVersion, cancel: ct);
        int signers = info.Attestations.Where(a => a.Facts == facts && set.Verifiers.Contains(a.Verifier) && Signed(a.Verifier, Messages.Attest(facts), a.Signature))
            .Select(a => a.Verifier).Distinct().Count();
        if (set.Threshold == 0 || signers < set.Threshold)
            throw new InvalidDataException($"contribution {id} is attested by {signers} verifiers of set {facts.VerifierSetVersion}, and {set.Threshold} are needed");
        var evidence = new EvidenceResults(info.Evidence ?? []);
        var list = await node.TagsAsync(facts.TagsHash, ct, reading);
        if (evidence.Hash() != facts.EvidenceResultsHash || new Hash32(SHA256.HashData(list)) != facts.TagsHash || !TagList.TryRead(list, out var tags))
            throw new InvalidDataException($"the evidence results or the tag list of contribution {id} are not the attested ones");
        return new AttestedContribution(facts, evidence.WithoutDetails(), tags);
    }

    private sealed record AssetOnChain(AssetView View, Hash32 Recipient, Hash32 PolicyHash, ulong SetVersion, IReadOnlyList<Address> Verifiers, uint Threshold);

    // The node names the contracts; that they belong together, and what they say, is read from the chain.
    private async Task<AssetOnChain> ReadAssetAsync(AssetInfo info, CancellationToken ct)
    {
        var view = await AssetView.ReadAsync(chain, info.Asset, ct);
        var registry = view.Registry;
        if (view.Ledger.Address != info.Ledger || registry.Address != info.Registry)
            throw new InvalidDataException($"the contracts the node names for asset {info.Asset} are not its contracts");
        ulong version = await registry.VerifierSetVersionAsync(chain, cancel: ct);
        var set = await registry.VerifierSetAsync(chain, version, cancel: ct);
        return new AssetOnChain(view, await registry.RecipientAsync(chain, cancel: ct), await registry.PolicyHashAsync(chain, cancel: ct), version, set.Verifiers, set.Threshold);
    }

    private async Task<EvidenceFile> OpenEvidenceAsync(byte[] sealedEvidence, CancellationToken ct)
    {
        try
        {
            using var plain = new MemoryStream(sealedEvidence.Length); // or growing would hold it twice
            await AgeFile.DecryptAsync(new MemoryStream(sealedEvidence), plain, [key.Identity], cancel: ct);
            return EvidenceFile.Read(plain.GetBuffer().AsMemory(0, (int)plain.Length));
        }
        catch (Exception e) when (e is AgeException or FormatException)
        {
            throw new RefusedException("evidence-unreadable", "the evidence cannot be opened by the verifiers that were drawn: contribute again");
        }
    }

    // So that the work does not wait until the lease ends; if it fails, it does.
    private async Task GiveBackAsync(string lease, string why)
    {
        using var limit = new CancellationTokenSource(GiveBackWait);
        try
        {
            await node.GiveBackAsync(lease, Request("give-back", default), limit.Token);
            log.LogInformation(LogEvents.JobGivenBack, "{Why}: the work at hand is given back", why);
        }
        catch (Exception e) when (e is TroveApiException or OperationCanceledException)
        {
            log.LogWarning(LogEvents.JobGivenBack, "{Why}: the work at hand was not given back and waits until its lease ends", why);
        }
    }

    private async Task BeatAsync(string lease, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                await Task.Delay(HeartbeatEvery, ct);
                await node.HeartbeatAsync(lease, Request("heartbeat", default), ct);
            }
        }
        catch (OperationCanceledException)
        {
            // The work is done.
        }
        catch (TroveApiException e)
        {
            log.LogWarning(LogEvents.LeaseNotExtended, "The lease could not be kept: {Message}", e.Message);
        }
    }

    private VerifierRequest Request(string purpose, Hash32 subject)
    {
        var nonce = new Hash32(RandomNumberGenerator.GetBytes(32));
        long deadline = DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeSeconds();
        return new VerifierRequest(key.SigningKey.Address, purpose, subject, nonce, deadline,
            Sign(Messages.VerifierRequest(Messages.Domain(_info.ChainId, _info.Factory), key.SigningKey.Address, purpose, subject, nonce, deadline)));
    }

    private string Sign(Hash32 digest) => Hex.Encode(key.SigningKey.Sign(digest));

    private static bool Signed(Address signer, Hash32 digest, string signature)
    {
        var bytes = new byte[Secp256k1.SignatureSize];
        return Hex.TryDecode(signature, bytes) && Secp256k1.Recover(digest, bytes) == signer;
    }

    private static DrawnContribution Drawn(CheckWork work) => new(work.Owner, PartsRoot(work), work.Draw);

    private static Hash32 PartsRoot(CheckWork work) => PartDescriptor.Tree(work.Contribution, work.Parts.Select(p => p.Descriptor())).Root;
}
