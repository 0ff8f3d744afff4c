using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Evaluations;
using Trove.Node.Guardians;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Api;

/// <summary>
/// Guardians who answer verifiers in this process, with the program's own code, and do nothing else: what checks of contributions wait
/// for when a test runs no guardians of its own. They have the shares of every asset that a test founded.
/// </summary>
internal sealed class Evaluators : IAsyncDisposable
{
    private static readonly ConcurrentBag<(Address Registry, HashSet<Address> Verifiers, SigningKey Guardian, byte[] Shares)> Known = [];

    private readonly CancellationTokenSource _stop = new();
    private readonly string _folder = TestFolder.Create();
    private readonly EthClient _chain;
    private readonly List<Task> _working;

    private Evaluators(TroveClient client, EthClient chain, Func<Address, IReadOnlySet<Address>, bool> of)
    {
        _chain = chain;
        _working = Known.Where(k => of(k.Guardian.Address, k.Verifiers)).GroupBy(k => k.Guardian.Address)
            .Select(g => Task.Run(() => EvaluateAsync(client, g.First().Guardian, Path.Combine(_folder, $"{g.Key}"), [.. g.Select(k => (k.Registry, k.Shares))]))).ToList();
    }

    /// <summary>The guardian of assets whose test has none of its own.</summary>
    public static KeyFile Common { get; } = KeyFile.Create();

    /// <summary>An asset's guardians and their shares, in one order.</summary>
    public static void Know(AssetInfo asset, IReadOnlyList<SigningKey> guardians, IReadOnlyList<EpochShares> shares)
    {
        foreach (var (guardian, share) in guardians.Zip(shares))
        {
            using var bytes = share.Encode();
            Known.Add((asset.Registry, asset.Verifiers.Select(v => v.Address).ToHashSet(), guardian, bytes.Span.ToArray()));
        }
    }

    /// <summary>Announces, and the asset's guardians draw its verifiers meanwhile, with no process of theirs running.</summary>
    public static async Task<AnnounceResponse> AnnounceAsync(TroveClient client, NodeInfo info, AssetInfo asset, AnnounceRequest request)
    {
        var announcing = client.AnnounceAsync(asset.Asset, request, default);
        var (id, parts) = (ContributionId.Of(info.ChainId, asset.Ledger, request.Owner, request.Salt), request.Parts);
        var domain = Messages.Domain(info.ChainId, asset.Ledger);
        var name = Messages.Announce(domain, asset.Asset, id, request.Owner, Member.Root(id, parts), parts.Sum(p => p.Size), request.Nonce, request.Deadline);
        foreach (var (_, _, guardian, bytes) in Known.Where(k => k.Registry == asset.Registry))
        {
            using var shares = EpochShares.Parse(bytes);
            var evaluation = Evaluate(asset.Asset, id, request.Owner, Member.Root(id, parts), shares);
            var answer = new OprfAnswer(guardian.Address, shares.Epoch, Convert.ToBase64String(evaluation),
                Hex.Encode(guardian.Sign(Messages.Evaluated(domain, name, shares.Epoch, new Hash32(SHA256.HashData(evaluation))))));
            while (!announcing.IsCompleted)
            {
                try
                {
                    await client.AnswerEvaluationAsync(name, answer, default);
                    break;
                }
                catch (TroveApiException e) when (e.Code is not "other-committee" and not "not-a-guardian")
                {
                    await Task.Delay(20); // it is not asked yet, or the node is dead
                }
                catch (TroveApiException)
                {
                    break;
                }
            }
        }
        return await announcing;
    }

    /// <summary>What shows that a contribution's verifiers were drawn, by the first guardians of an asset.</summary>
    public static DrawnContribution Drawn(Address asset, Hash32 contribution, Address owner, Hash32 partsRoot, IEnumerable<EpochShares> shares) =>
        new(owner, partsRoot, new DrawProof(shares.First().Epoch, Convert.ToBase64String([.. shares.SelectMany(s => Evaluate(asset, contribution, owner, partsRoot, s))])));

    private static byte[] Evaluate(Address asset, Hash32 contribution, Address owner, Hash32 partsRoot, EpochShares shares)
    {
        using var draw = new VerifierDraw(asset, contribution, owner, partsRoot);
        return shares.Oprf.Evaluate(draw.Element).Encode();
    }

    /// <summary>The guardians of all assets of these verifiers begin to work; they end with the object.</summary>
    public static Evaluators Start(TroveClient client, NodeInfo info, IEnumerable<KeyFile> verifiers) =>
        new(client, new EthClient(new Uri(client.Node, info.Rpc)), (_, asking) => asking.Overlaps(verifiers.Select(v => v.SigningKey.Address)));

    /// <summary>Some guardians.</summary>
    public static Evaluators Of(TroveClient client, NodeInfo info, params IReadOnlyCollection<KeyFile> guardians) =>
        new(client, new EthClient(new Uri(client.Node, info.Rpc)), (guardian, _) => guardians.Any(g => g.SigningKey.Address == guardian));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_working);
        _chain.Dispose();
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task EvaluateAsync(TroveClient client, SigningKey guardian, string folder, IReadOnlyList<(Address Registry, byte[] Shares)> held)
    {
        var store = await ShareStore.OpenAsync(folder, Common.Identity);
        foreach (var (registry, bytes) in held)
        {
            using var shares = EpochShares.Parse(bytes);
            await store.PutSharesAsync(registry, shares);
        }
        var options = new GuardianOptions(folder, 0, []);
        var questions = new GuardianQuestions(client, _chain, guardian, options, store, new GuardianRecords(folder, guardian.Address, options.Limits, NullLogger.Instance, TimeProvider.System),
            _ => Task.CompletedTask, NullLogger.Instance, TimeProvider.System);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await questions.StepAsync(_stop.Token);
            }
            catch (Exception e) when (e is TroveApiException || _stop.IsCancellationRequested)
            {
                // A node that dies is asked again.
            }
            await Task.WhenAny(Task.Delay(20, _stop.Token));
        }
    }
}
