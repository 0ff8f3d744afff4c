using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Trove.Chain.Durability;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Chain;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Requests;
using Trove.Node.Runners;

namespace Trove.Node.Guardians;

/// <summary>How a guardian is run.</summary>
/// <param name="Folder">For the sealed shares and the log of releases.</param>
/// <param name="Confirmations">How deep below the head a use must have been opened, and a committee or an invitation be on chain.</param>
/// <param name="Assets">The assets it works for, those to be founded included; all whose registry or founder names it when empty, and anybody can found one that does.</param>
/// <param name="Factory">The factory whose creations it takes part in. When null, the one that the node named at the first start,
/// which is kept in the folder ever after: a node that lies later moves nobody to contracts of its own.</param>
public sealed record GuardianOptions(string Folder, ulong Confirmations, IReadOnlyCollection<Address> Assets, Address? Factory = null)
{
    /// <summary>How much it releases, and no more.</summary>
    public GuardianLimits Limits { get; init; } = new();
}

/// <summary>
/// A guardian: a process with its own keys, its own share of each asset's key and its own view of the chain. A node tells it what
/// to look at; what it releases, whom it answers and which share it keeps, is decided by the chain alone. Every release, evaluation and
/// refusal is in its log before it is sent.
/// </summary>
public sealed class GuardianProcess(TroveClient node, EthClient chain, KeyFile key, GuardianOptions options, ILogger<GuardianProcess> log, TimeProvider clock)
{
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(10);

    // A chain view that stands still would hide a revocation.
    internal static readonly TimeSpan MaxHeadAge = TimeSpan.FromHours(1);

    private const int MaxWaiting = 10_000;
    private readonly HashSet<(Hash32, uint, uint, string)> _waiting = [];
    private readonly Dictionary<UseWork, long> _putOff = []; // when, by the monotonic clock: the other may jump
    private readonly ProvenParts _proven = new();
    private ShareStore? _store;
    private GuardianCeremonies? _ceremonies;
    private GuardianQuestions? _questions;
    private GuardianRecords? _records;
    private LogHeadPublisher? _heads;
    private ulong _chainId;

    private sealed class ReleaseRefusedException(string code, string reason, bool final = true) : Exception(reason)
    {
        public string Code => code;

        // Not final: this guardian's view of the chain may only be behind.
        public bool Final => final;
    }

    /// <summary>The file that every release, evaluation and refusal is written to, one line of JSON each.</summary>
    public string LogFile => GuardianLog.NewestFile(options.Folder);

    private GuardianRecords Records => _records ??= new GuardianRecords(options.Folder, key.SigningKey.Address, options.Limits, log, clock);

    private LogHeadPublisher Heads => _heads ??= new LogHeadPublisher(node, key.SigningKey, Records.Log, log, clock);

    /// <summary>Works until <paramref name="ct"/> ends it. A node or chain that is away is asked again.</summary>
    /// <exception cref="IOException">Another guardian works in the folder, or its log does not fit.</exception>
    public async Task RunAsync(CancellationToken ct)
    {
        Directory.CreateDirectory(options.Folder);
        using var alone = Alone();
        _ = Heads; // and with it the log
        _store = await ShareStore.OpenAsync(options.Folder, key.Identity);
        foreach (var damaged in _store.Damaged)
            log.LogError(LogEvents.StateDamaged, "{Message}", damaged);
        try
        {
            // Side by side: a ceremony must not keep uses waiting, nor a use the checks of contributions.
            await Task.WhenAll(LoopAsync(AnswerAllAsync, ct), LoopAsync(TakePartAsync, ct), LoopAsync(EvaluateAsync, ct));
        }
        finally
        {
            _ceremonies?.Dispose();
        }
    }

    // Two of them would send two different messages for one round.
    private FileStream Alone()
    {
        var file = Path.Combine(options.Folder, "lock");
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"a guardian works in {options.Folder} already ({e.Message}); stop it, or start this one with another --data");
        }
    }

    private async Task LoopAsync(Func<CancellationToken, Task> step, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await step(ct);
                await Task.WhenAny(Task.Delay(Poll, clock, ct));
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            // Whatever a node says, a guardian goes on.
            catch (Exception e)
            {
                log.LogWarning(LogEvents.GuardianRetries, "{Message}; trying again in {Seconds} s", e.Message, Pause.TotalSeconds);
                await Task.WhenAny(Task.Delay(Pause, clock, ct));
            }
        }
    }

    private async Task AnswerAllAsync(CancellationToken ct)
    {
        var all = (await node.GuardianWorkAsync(key.SigningKey.Address, ct)).Where(w => options.Assets.Count == 0 || options.Assets.Contains(w.Asset)).ToList();
        foreach (var gone in _putOff.Keys.Except(all).ToList())
            _putOff.Remove(gone);
        foreach (var work in all.Where(w => !_putOff.TryGetValue(w, out long at) || clock.GetElapsedTime(at) >= Later))
            await TryAsync(work, ct);
        await PublishHeadAsync(ct);
    }

    private async Task TakePartAsync(CancellationToken ct)
    {
        await CompareHeadsAsync(ct);
        _ceremonies ??= new GuardianCeremonies(_store!, key.SigningKey, await GuardianView.OfAsync(chain, await FactoryAsync(ct), options.Confirmations, ct),
            CeremonyRelay.Of(node, key.SigningKey.Address), options.Assets, Records, log, clock);
        await _ceremonies.StepAsync(ct);
    }

    private async Task EvaluateAsync(CancellationToken ct)
    {
        _questions ??= new GuardianQuestions(node, chain, key.SigningKey, options, _store!, Records, CompareHeadsAsync, log, clock);
        await _questions.StepAsync(ct);
    }

    // Before an entry is written.
    private async Task CompareHeadsAsync(CancellationToken ct) => await Heads.CompareAsync(_chainId = await chain.ChainIdAsync(ct), ct);

    private async Task<Address> FactoryAsync(CancellationToken ct)
    {
        if (options.Factory is { } chosen)
            return chosen;
        var file = Path.Combine(options.Folder, "factory");
        if (!File.Exists(file))
        {
            var named = (await node.InfoAsync(ct)).Factory;
            DurableFile.Write(file, stream => stream.Write(Encoding.ASCII.GetBytes(named.ToString())));
        }
        return Address.TryParse((await File.ReadAllTextAsync(file, ct)).Trim(), out var kept) ? kept
            : throw new InvalidDataException($"{file} holds no address; give --factory, or delete it to take the node's");
    }

    // One use that cannot be looked at must not keep the others waiting: it is looked at again later.
    private async Task TryAsync(UseWork work, CancellationToken ct)
    {
        try
        {
            await AnswerAsync(work, ct);
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            _putOff[work] = clock.GetTimestamp();
            log.LogWarning(LogEvents.UseLookedAtLater, "Use {Use} of {Request}: {Message}; looking again in {Seconds} s", work.Use, work.Request, e.Message, Later.TotalSeconds);
        }
    }

    /// <summary>Publishes the head of the log if it has changed, at most once a minute.</summary>
    public async Task PublishHeadAsync(CancellationToken ct)
    {
        if (_chainId == 0)
            _chainId = await chain.ChainIdAsync(ct);
        await Heads.PublishAsync(_chainId, ct);
    }

    /// <summary>Looks at one use and answers it.</summary>
    public async Task AnswerAsync(UseWork work, CancellationToken ct)
    {
        await CompareHeadsAsync(ct);
        var view = await AssetView.ReadAsync(chain, work.Asset, ct);
        var domain = Messages.Domain(_chainId, view.Grants.Address);
        GuardianAnswer answer;
        try
        {
            var (file, parts, block) = await ReleaseAsync(work, view, ct);
            Records.Released(work, parts, block);
            answer = new GuardianAnswer(key.SigningKey.Address, work.KeyVersion, work.CommitteeEpoch, work.Proofs, Convert.ToBase64String(file), null, null,
                Sign(Messages.Release(domain, work.Request, work.Use, work.KeyVersion, work.CommitteeEpoch, work.Proofs, new Hash32(SHA256.HashData(file)))));
            log.LogInformation(LogEvents.PartsReleased, "Released {Parts} parts for use {Use} of {Request}", parts, work.Use, work.Request);
        }
        catch (ReleaseRefusedException e)
        {
            if (_waiting.Count == MaxWaiting)
                _waiting.Clear();
            bool first = _waiting.Add((work.Request, work.Use, work.KeyVersion, e.Code));
            if (e.Final || first)
            {
                Records.Refused(work, e.Code, e.Message);
                log.LogInformation(LogEvents.ReleaseRefused, "Refused use {Use} of {Request}: {Code}", work.Use, work.Request, e.Code);
            }
            if (!e.Final)
                return;
            answer = new GuardianAnswer(key.SigningKey.Address, work.KeyVersion, work.CommitteeEpoch, work.Proofs, null, e.Code, e.Message,
                Sign(Messages.RefuseRelease(domain, work.Request, work.Use, work.KeyVersion, work.CommitteeEpoch, work.Proofs, e.Code, e.Message)));
        }
        await node.AnswerAsync(work.Asset, work.Request, work.Use, answer, ct);
    }

    private async Task<(byte[] File, int Parts, ulong Block)> ReleaseAsync(UseWork work, AssetView view, CancellationToken ct)
    {
        ulong head = await chain.BlockNumberAsync(ct);
        var oneTimeKey = await RequireOpenAsync(work, view, head, ct);
        using var shares = await SharesInForceAsync(work, view, head, ct);
        var inputs = await node.InputsAsync(work.Asset, work.Request, ct);
        CheckedInputs found;
        try
        {
            found = await InputsChecker.CheckAsync(chain, _chainId, view, work.Request, inputs, _proven, BlockTag.At(head), ct);
        }
        catch (WrongInputsException e)
        {
            throw new ReleaseRefusedException("wrong-inputs", e.Message);
        }
        if (Records.TooMuch(work, found.Parts.Count) is { } tooMuch)
            throw new ReleaseRefusedException("too-much", tooMuch, final: false);
        IReadOnlyList<ProvenPoint> points = [.. found.Parts.Select(p => p.Point)];
        var header = new ReleaseHeader(work.Request, work.Use, work.KeyVersion, work.CommitteeEpoch);
        using var partials = points.Count == 0 ? null : shares.Custody.Decrypt(points, Environment.ProcessorCount);
        var proof = work.Proofs && partials is not null ? shares.Custody.Prove(points, partials, header.Encode(), Environment.ProcessorCount) : null;
        using var seed = UseSeed.Input(work.Asset, work.Request, work.Use);
        try
        {
            return (await ReleaseFile.SealAsync(header, shares.Oprf.Evaluate(seed.Blinded), partials, proof, oneTimeKey, ct), points.Count, head);
        }
        catch (AgeException e)
        {
            throw new ReleaseRefusedException("bad-key", $"nothing can be sealed to the use's one-time key: {e.Message}");
        }
    }

    // The use was opened at confirmation depth, and at the head it is open still, by a registered runner, in time, not paused.
    private async Task<X25519Recipient> RequireOpenAsync(UseWork work, AssetView view, ulong head, CancellationToken ct)
    {
        var block = await chain.GetBlockAsync(BlockTag.At(head), ct) ?? throw new InvalidDataException($"the chain has no block {head}, which it said is its last");
        var time = DateTimeOffset.FromUnixTimeSeconds((long)block.Timestamp);
        if (time < clock.GetUtcNow() - MaxHeadAge)
            throw new ReleaseRefusedException("stale-chain", $"the last block of this guardian's chain is of {time:u}: it would not see a revocation", final: false);
        var at = BlockTag.At(head);
        var grant = await view.Grants.GrantOfAsync(chain, work.Request, at, ct);
        var earlier = options.Confirmations == 0 ? grant
            : head < options.Confirmations ? throw new ReleaseRefusedException("not-confirmed", "the chain is younger than the confirmation depth", final: false)
            : await view.Grants.GrantOfAsync(chain, work.Request, BlockTag.At(head - options.Confirmations), ct);
        if (grant.State is not (UseOpened or Challenged) || grant.SettledUses + 1 != work.Use || grant.KeyVersion != work.KeyVersion)
            throw new ReleaseRefusedException("not-open", $"use {work.Use} with version {work.KeyVersion} of its key is not open on this guardian's chain", final: false);
        if (earlier != grant)
            throw new ReleaseRefusedException("not-confirmed", $"the use was opened less than {options.Confirmations} blocks ago", final: false);
        if (block.Timestamp > grant.UseDeadline)
            throw new ReleaseRefusedException("too-late", "the time of the use is over");
        var paused = await view.Registry.PausedUntilAsync(chain, at, ct);
        if (paused > (BigInteger)block.Timestamp)
            throw new ReleaseRefusedException("paused", $"the asset is paused until {paused.ToString(CultureInfo.InvariantCulture)}", final: false);
        if (!await view.Registry.IsRunnerAsync(chain, grant.Runner, at, ct))
            throw new ReleaseRefusedException("not-a-runner", $"{grant.Runner} is no registered runner");
        return new X25519Recipient(grant.OneTimeKey);
    }

    private const byte UseOpened = 3, Challenged = 5; // Grants.State

    // Those of the committee in force, now and at confirmation depth. A node that asks as for another gets nothing.
    private async Task<EpochShares> SharesInForceAsync(UseWork work, AssetView view, ulong head, CancellationToken ct)
    {
        var registry = view.Registry.Address;
        var now = await GuardianView.CustodyAsync(chain, registry, BlockTag.At(head), ct);
        var earlier = options.Confirmations == 0 ? now : await GuardianView.CustodyAsync(chain, registry, BlockTag.At(head - options.Confirmations), ct);
        if (now is null || earlier is null || now.InForce.Epoch != earlier.InForce.Epoch)
            throw new ReleaseRefusedException("not-confirmed", $"the committee of guardians changed less than {options.Confirmations} blocks ago", final: false);
        if (work.CommitteeEpoch != now.InForce.Epoch)
            throw new ReleaseRefusedException("other-committee", $"committee {now.InForce.Epoch} is in force on this guardian's chain, not {work.CommitteeEpoch}", final: false);
        if (now.InForce.IndexOf(key.SigningKey.Address) == 0)
            throw new ReleaseRefusedException("not-in-committee", $"this guardian is not in committee {now.InForce.Epoch}", final: false);
        _store ??= await ShareStore.OpenAsync(options.Folder, key.Identity);
        var shares = await _store.SharesAsync(registry, now.InForce.Epoch)
            ?? throw new ReleaseRefusedException("no-share", $"this guardian has no share of committee {now.InForce.Epoch}; the next change of the committee gives it one", final: false);
        if (shares.Index == now.InForce.IndexOf(key.SigningKey.Address) && now.HasCommitmentsOf(shares))
            return shares;
        shares.Dispose();
        throw new InvalidDataException($"the shares of registry {registry} are not those it has this guardian's commitments of; bring the file back from a backup");
    }

    private string Sign(Hash32 digest) => Hex.Encode(key.SigningKey.Sign(digest));
}
