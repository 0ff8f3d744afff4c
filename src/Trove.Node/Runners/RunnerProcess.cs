using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Durability;
using Trove.Chain.Embedded;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Chain;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Requests;

namespace Trove.Node.Runners;

/// <summary>How a runner starts its executor: this program and the arguments that make it one.</summary>
public sealed record ExecutorCommand(string Program, IReadOnlyList<string> Arguments);

/// <summary>
/// A runner's broker: has the network and the runner's key, and sees ciphertext only. It takes granted uses from a node, holds
/// them against its own view of the chain, opens them, hands guardians' answers and ciphertext to an executor, and signs what the
/// executor gives out. After a restart it takes its unfinished use up again with a new key.
/// </summary>
/// <param name="assets">The assets it works for; all whose registry names it when empty, and anybody can found one that does.</param>
public sealed class RunnerProcess(TroveClient node, EthClient chain, KeyFile key, ExecutorCommand executor, IReadOnlyCollection<Address> assets, ILogger<RunnerProcess> log, TimeProvider clock)
{
    private const int MaxResult = UseService.MaxSealedResult;
    private const long MaxPart = 512L << 20;
    private const byte Approved = 2, UseOpened = 3, Posted = 4, Challenged = 5; // Grants.State
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerPoll = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ProofsWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(1); // to give a failure in before the use times out

    private const int Tries = 3;
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(10);

    // Guardians who do not answer must not keep a runner from other uses for as long as the asset's founder likes.
    private static readonly TimeSpan AnswersWait = TimeSpan.FromMinutes(5);

    // What failed Tries times is tried again later, and the others first: an opened use has little time, so a hiccup must not cost it.
    private readonly Dictionary<(Hash32, uint), (long At, int Tries)> _tried = []; // by the monotonic clock: the other may jump
    private readonly HashSet<int> _liars = [];
    private readonly ProvenParts _proven = new();
    private ulong _chainId;

    private Address Runner => key.SigningKey.Address;

    /// <summary>Requests whose posted results it disputes: it computes them again, with its stake for its word.</summary>
    public IReadOnlySet<Hash32> Disputes { get; init; } = new HashSet<Hash32>();

    /// <summary>Works until <paramref name="ct"/> ends it. A node or chain that is away is asked again.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var all = (await node.RunnerWorkAsync(Runner, ct)).Where(w => (assets.Count == 0 || assets.Contains(w.Asset)) && (!w.Posted || w.Disputed || Disputes.Contains(w.Request))).ToList();
                foreach (var gone in _tried.Keys.Except(all.Select(w => (w.Request, w.Use))).ToList())
                    _tried.Remove(gone);
                if (all.FirstOrDefault(w => !_tried.TryGetValue((w.Request, w.Use), out var last) || last.Tries < Tries || clock.GetElapsedTime(last.At) >= Later) is { } work)
                {
                    int tries = _tried.GetValueOrDefault((work.Request, work.Use)).Tries + 1;
                    _tried[(work.Request, work.Use)] = (clock.GetTimestamp(), tries);
                    await ServeAsync(work, ct);
                }
                else
                    await Task.Delay(Poll, clock, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            // Whatever a node says, a runner goes on; the time-out of a use gives the money back.
            catch (Exception e)
            {
                log.LogWarning(LogEvents.RunnerRetries, "{Message}; trying again in {Seconds} s", e.Message, Pause.TotalSeconds);
                await Task.WhenAny(Task.Delay(Pause, clock, ct));
            }
        }
    }

    private async Task ServeAsync(UseWork work, CancellationToken ct)
    {
        _chainId = await chain.ChainIdAsync(ct);
        var view = await AssetView.ReadAsync(chain, work.Asset, ct);
        var grant = await view.Grants.GrantOfAsync(chain, work.Request, cancel: ct);
        if (grant.State != Approved && !(grant.State is UseOpened or Challenged && grant.Runner == Runner) && !(grant.State == Posted && await DisputesAsync(work, view, ct)))
            return; // somebody else was faster, or this chain view is behind
        var inputs = await node.InputsAsync(work.Asset, work.Request, ct);
        RequireCode(inputs);
        using var child = await StartAsync();
        try
        {
            var oneTimeKey = new Hash32(await ReceiveAsync(child, Frames.Start, Hash32.Size, ct));
            var open = await OpenAsync(work, view, grant, oneTimeKey, ct);
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var head = await chain.GetBlockAsync(BlockTag.Latest, ct) ?? throw new InvalidDataException("the chain has no last block");
            var left = TimeSpan.FromSeconds(open.Deadline - (long)head.Timestamp) - Margin; // an embedded chain's time may be ahead of the clock
            deadline.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1));
            try
            {
                await ComputeAsync(child, work, open, view, inputs, deadline.Token);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                await FailAsync(work, view, open, "timeout", ct);
            }
            catch (UseFailedException e)
            {
                await FailAsync(work, view, open, e.Code, ct);
            }
        }
        finally
        {
            child.Kill(entireProcessTree: true);
        }
    }

    // What two others computed differently it decides unasked: else who disputes what is right gets the buyer's money back by nobody's coming. It loses
    // nothing by it: one of the two has what it computes.
    private async Task<bool> DisputesAsync(UseWork work, AssetView view, CancellationToken ct) => Disputes.Contains(work.Request)
        || (await view.Grants.PostingOfAsync(chain, work.Request, cancel: ct)) is var posting && !posting.Challenger.IsZero && posting.Challenger != Runner && posting.Runner != Runner;

    private async Task<UseInfo> OpenAsync(UseWork work, AssetView view, Grant grant, Hash32 oneTimeKey, CancellationToken ct)
    {
        // Its executor may be anything: a use with a key that is none could only time out.
        if (new X25519Recipient(oneTimeKey).IsLowOrder)
            throw new InvalidDataException($"the executor made no key for {work.Request} that anything can be sealed to; the use is not opened. Check the program it is started with");
        uint use = grant.SettledUses + 1, version = grant.KeyVersion + 1;
        bool again = grant.State is Posted or Challenged;
        var digest = again ? ContractDigests.Challenge(_chainId, view.Grants.Address, work.Request, use, oneTimeKey, version, Runner)
            : ContractDigests.OpenUse(_chainId, view.Grants.Address, work.Request, use, oneTimeKey, version, Runner);
        await node.OpenUseAsync(work.Asset, work.Request, new OpenUseRequest(Runner, use, oneTimeKey, version, Sign(digest), again), ct);
        log.LogInformation(LogEvents.UseOpened, again ? "Computing use {Use} of {Request} again" : "Opened use {Use} of {Request}", use, work.Request);
        FaultPoint.Reach("use.opened");
        // By this runner's own view: a node's is behind by its confirmations.
        while (true)
        {
            var now = await view.Grants.GrantOfAsync(chain, work.Request, cancel: ct);
            if (now.State == (again ? Challenged : UseOpened) && now.KeyVersion == version && now.OneTimeKey == oneTimeKey)
                return new UseInfo(use, "open", Runner, oneTimeKey, version, clock.GetUtcNow().ToUnixTimeMilliseconds(), (long)now.UseDeadline, null, null, null, null);
            if (now.State != grant.State && now.State != (again ? Challenged : UseOpened))
                throw new InvalidDataException($"request {work.Request} ended while its use was opened");
            await Task.Delay(AnswerPoll, clock, ct);
        }
    }

    private async Task ComputeAsync(Process child, UseWork work, UseInfo open, AssetView view, InputsInfo inputs, CancellationToken ct)
    {
        var recipient = new X25519Recipient(await view.Registry.RecipientAsync(chain, cancel: ct));
        var found = await CheckAsync(work, view, inputs, ct);
        _liars.Clear();
        if (found.Parts.Any(p => p.Part.Size is < 1 or > MaxPart))
            throw new UseFailedException("part-too-large");
        var members = found.Parts.Select(p => p.Owner).Distinct().Order().Select((owner, i) => (owner, i)).ToDictionary(x => x.owner, x => x.i);
        var (committee, custody, answers) = await AnswersAsync(work, open, view, ct);
        var job = new ExecutorJob(work.Asset, work.Request, open.Use, open.KeyVersion, committee, inputs.Query, inputs.Terms.GroupSize, inputs.Terms.Epsilon > long.MaxValue ? long.MaxValue : (long)inputs.Terms.Epsilon, inputs.Terms.BuyerKey, recipient.ToString(),
            (int)custody.Threshold, custody.Commitments, custody.OprfCommitments, [.. found.Parts.Select(p => new JobPart(members[p.Owner], p.Part.Kind, p.Part.Year, p.Part.EphemeralShare, p.Part.HeaderHash, p.Part.Sha256,
                checked((int)p.Part.Size), p.Proof, p.Context))]);
        Send(child, Frames.Start, JsonSerializer.SerializeToUtf8Bytes(job, TroveJson.Options));
        Send(child, Frames.Answers, JsonSerializer.SerializeToUtf8Bytes(answers, TroveJson.Options));
        while (true)
        {
            var (tag, bytes) = await ReceiveAsync(child, MaxResult, ct);
            switch (tag)
            {
                case Frames.Part:
                    var part = job.Parts[BitConverter.ToInt32(bytes)];
                    Send(child, Frames.Part, await node.BlobAsync(part.Sha256, part.Size, ct));
                    break;
                case Frames.WantProofs:
                    await node.WantProofsAsync(work.Asset, work.Request, open.Use, new ProofsRequest(Runner, open.KeyVersion,
                        Sign(Messages.WantProofs(Messages.Domain(_chainId, view.Grants.Address), work.Request, open.Use, open.KeyVersion, Runner))), ct);
                    // The executor has the commitments of one committee: after a change, the use is taken up again with a fresh one.
                    Send(child, Frames.Answers, JsonSerializer.SerializeToUtf8Bytes(await AnswersAsync(work, open, view, committee, custody, proofs: true, ct)
                        ?? throw new InvalidDataException($"the guardians of {work.Asset} changed while use {open.Use} of {work.Request} was under way; it is opened again"), TroveJson.Options));
                    break;
                case Frames.Liars:
                    foreach (byte index in bytes.Where(i => i >= 1 && i <= custody.Guardians.Count && _liars.Add(i)))
                        log.LogWarning(LogEvents.GuardianLied, "Guardian {Guardian} answered wrongly on use {Use} of {Request}", custody.Guardians[index - 1], open.Use, work.Request);
                    break;
                case Frames.Result when bytes.Length > Hash32.Size:
                    await PostAsync(work, view, open, new Hash32(bytes.AsSpan(0, Hash32.Size)), bytes[Hash32.Size..], job, ct);
                    return;
                default:
                    throw new UseFailedException(tag == Frames.Failed ? Code(bytes) : "protocol");
            }
        }
    }

    private async Task<CheckedInputs> CheckAsync(UseWork work, AssetView view, InputsInfo inputs, CancellationToken ct)
    {
        CheckedInputs found;
        try
        {
            found = await InputsChecker.CheckAsync(chain, _chainId, view, work.Request, inputs, _proven, BlockTag.Latest, ct);
        }
        catch (WrongInputsException e)
        {
            log.LogWarning(LogEvents.WrongInputs, "The node offers wrong inputs for {Request}: {Reason}", work.Request, e.Message);
            throw new UseFailedException("wrong-inputs");
        }
        if (!found.Complete)
            throw new UseFailedException("inputs-incomplete");
        // The same question before and after would show what that member had.
        return found.ChangedSince ? throw new UseFailedException("snapshot-changed") : found;
    }

    // Of the committee in force on this runner's chain, whichever that is once enough of it have answered.
    private async Task<(uint Epoch, Custody Custody, IReadOnlyList<JobAnswer> Answers)> AnswersAsync(UseWork work, UseInfo open, AssetView view, CancellationToken ct)
    {
        while (true)
        {
            var (epoch, custody) = await CommitteeAsync(view, ct);
            if (await AnswersAsync(work, open, view, epoch, custody, proofs: false, ct) is { } answers)
                return (epoch, custody, answers);
        }
    }

    // Answers signed by guardians of one committee; as soon as enough are there, or all have answered. Null when another committee is in force.
    private async Task<IReadOnlyList<JobAnswer>?> AnswersAsync(UseWork work, UseInfo open, AssetView view, uint epoch, Custody custody, bool proofs, CancellationToken ct)
    {
        var domain = Messages.Domain(_chainId, view.Grants.Address);
        long since = clock.GetTimestamp();
        while (true)
        {
            var answers = new Dictionary<Address, byte[]?>();
            foreach (var a in (await node.AnswersAsync(work.Asset, work.Request, open.Use, open.KeyVersion, ct)).Where(a => a.KeyVersion == open.KeyVersion && a.CommitteeEpoch == epoch && a.Proofs == proofs))
                if (custody.Guardians.Contains(a.Guardian) && Read(a, domain, work.Request, open.Use) is var (valid, bytes) && valid)
                    answers[a.Guardian] = bytes;
            var released = answers.Where(a => a.Value is not null && !_liars.Contains(IndexOf(custody, a.Key))).ToList();
            // With proofs all guardians are waited for a while: one of the first may be the liar.
            bool enough = released.Count >= custody.Threshold && (!proofs || clock.GetElapsedTime(since) > ProofsWait);
            bool all = custody.Guardians.All(g => answers.ContainsKey(g) || _liars.Contains(IndexOf(custody, g)));
            if (enough || all || clock.GetElapsedTime(since) > AnswersWait)
            {
                if (released.Count < custody.Threshold)
                    throw new UseFailedException("guardians-refused");
                return [.. released.Select(a => new JobAnswer(IndexOf(custody, a.Key), a.Value!))];
            }
            if ((await CommitteeAsync(view, ct)).Epoch != epoch)
                return null;
            await Task.Delay(AnswerPoll, clock, ct);
        }
    }

    // Both of one block.
    private async Task<(uint Epoch, Custody Custody)> CommitteeAsync(AssetView view, CancellationToken ct)
    {
        var at = BlockTag.At(await chain.BlockNumberAsync(ct));
        return (await view.Registry.CommitteeEpochAsync(chain, at, ct), await view.Registry.CustodyAsync(chain, at, ct));
    }

    private static int IndexOf(Custody custody, Address guardian) => custody.Guardians.ToList().IndexOf(guardian) + 1;

    private static (bool Valid, byte[]? Sealed) Read(GuardianAnswer a, Hash32 domain, Hash32 request, uint use)
    {
        try
        {
            var file = a.Sealed is null ? null : Convert.FromBase64String(a.Sealed);
            var digest = file is null
                ? Messages.RefuseRelease(domain, request, use, a.KeyVersion, a.CommitteeEpoch, a.Proofs, a.Code ?? "", a.Reason ?? "")
                : Messages.Release(domain, request, use, a.KeyVersion, a.CommitteeEpoch, a.Proofs, new Hash32(SHA256.HashData(file)));
            var signature = new byte[65];
            return (Hex.TryDecode(a.Signature, signature) && Secp256k1.Recover(digest, signature) == a.Guardian, file);
        }
        catch (FormatException)
        {
            return (false, null);
        }
    }

    private async Task PostAsync(UseWork work, AssetView view, UseInfo open, Hash32 inputsHash, byte[] sealedResult, ExecutorJob job, CancellationToken ct)
    {
        if (inputsHash != job.InputsHash())
            throw new UseFailedException("protocol");
        var hash = new Hash32(SHA256.HashData(sealedResult));
        FaultPoint.Reach("result.computed");
        await node.PostResultAsync(work.Asset, work.Request, open.Use, new ResultRequest(Convert.ToBase64String(sealedResult), inputsHash,
            Sign(ContractDigests.Result(_chainId, view.Grants.Address, work.Request, open.Use, hash, inputsHash, Runner))), ct);
        log.LogInformation(LogEvents.ResultPosted, "Result of use {Use} of {Request} is posted: {Parts} parts read", open.Use, work.Request, job.Parts.Count);
    }

    private async Task FailAsync(UseWork work, AssetView view, UseInfo open, string code, CancellationToken ct)
    {
        log.LogWarning(LogEvents.UseFailed, "Use {Use} of {Request} failed: {Code}", open.Use, work.Request, code);
        await node.FailUseAsync(work.Asset, work.Request, open.Use, new FailureRequest(code,
            Sign(ContractDigests.Failure(_chainId, view.Grants.Address, work.Request, open.Use, FailureCode.Word(code), Runner))), ct);
    }

    private static void RequireCode(InputsInfo inputs)
    {
        if (inputs.Terms.Use == RequestUse.Copy && inputs.Query == CopyFile.Code && inputs.Terms.CodeHash == CopyFile.CodeHash)
            return;
        try
        {
            if (inputs.Terms.Use == RequestUse.Query && Query.Parse(inputs.Query) is var query && query.ToString() == inputs.Query && query.CodeHash == inputs.Terms.CodeHash)
                return;
        }
        catch (QuerySyntaxException)
        {
            // Granted or not: this runner knows queries and copies and nothing else.
        }
        throw new InvalidDataException("what was granted is no query in canonical form and no copy; it is not opened");
    }

    private async Task<Process> StartAsync()
    {
        var child = await ChildProcess.ForkAsync(Isolation.StartInfo(executor.Program, executor.Arguments));
        // What it says there could hold something of the data.
        child.ErrorDataReceived += (_, _) => { };
        child.BeginErrorReadLine();
        return child;
    }

    private static void Send(Process child, byte tag, byte[] bytes) => Frames.Write(child.StandardInput.BaseStream, tag, bytes);

    private static async Task<(byte Tag, byte[] Bytes)> ReceiveAsync(Process child, int limit, CancellationToken ct)
    {
        // Killing the child ends the read: pipes of processes cannot be cancelled otherwise.
        await using var end = ct.Register(() => child.Kill(entireProcessTree: true));
        try
        {
            return await Task.Run(() => Frames.Read(child.StandardOutput.BaseStream, limit), CancellationToken.None);
        }
        catch (EndOfStreamException)
        {
            ct.ThrowIfCancellationRequested();
            throw new UseFailedException("executor-died");
        }
    }

    private static async Task<byte[]> ReceiveAsync(Process child, byte tag, int limit, CancellationToken ct)
    {
        var (found, bytes) = await ReceiveAsync(child, limit, ct);
        return found == tag ? bytes : throw new InvalidDataException($"the executor refuses to start: {Code(bytes)}; this machine must allow network namespaces (unshare -n)");
    }

    private static string Code(byte[] bytes) => FailureCode.Read(FailureCodeWord(bytes));

    private static Hash32 FailureCodeWord(byte[] bytes)
    {
        Span<byte> word = stackalloc byte[Hash32.Size];
        word.Clear();
        bytes.AsSpan(0, Math.Min(bytes.Length, Hash32.Size)).CopyTo(word);
        return new Hash32(word);
    }

    private string Sign(Hash32 digest) => Hex.Encode(key.SigningKey.Sign(digest));
}
