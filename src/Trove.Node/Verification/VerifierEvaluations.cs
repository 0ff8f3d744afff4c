using System.Security.Cryptography;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Chain;
using Trove.Node.Evaluations;
using Trove.Node.Guardians;
using Trove.Node.Protocol;

namespace Trove.Node.Verification;

/// <summary>Fewer than t guardians have given right answers so far. The question stays open: asked again, it may be answered at once.</summary>
internal sealed class GuardiansSilentException(Address asset, int answers, TimeSpan waited)
    : Exception($"the guardians of asset {asset} have given {answers} answers within {waited.TotalSeconds:0} s, too few or wrong: nothing can be checked without them");

/// <summary>
/// A verifier's access to the function whose key an asset's guardians share: nullifiers of accounts, and the key of record tags, which
/// is asked for once and kept as long as this lives. The node passes questions and answers on and is believed nothing; committee and
/// commitments are those on the verifier's own chain. Not safe for several threads.
/// </summary>
/// <param name="patience">How long answers are waited for.</param>
internal sealed class VerifierEvaluations(TroveClient node, EthClient chain, SigningKey key, TimeSpan patience, TimeProvider clock) : IDisposable
{
    private const int MaxKept = 1_000;

    // Long, so that a question whose guardians are away counts once with those who are there.
    private static readonly TimeSpan Life = TimeSpan.FromHours(1);
    private static readonly TimeSpan ShortestPoll = TimeSpan.FromMilliseconds(50), LongestPoll = TimeSpan.FromSeconds(1);

    private readonly Dictionary<(Address Asset, Hash32 Function), SecretBytes> _tagKeys = [];
    private readonly Dictionary<Hash32, BlindedQuestion> _asked = [];

    /// <summary>The key of an asset's record tags, which stays this object's.</summary>
    /// <exception cref="GuardiansSilentException">Its guardians do not answer; it may be tried again.</exception>
    /// <exception cref="InvalidDataException">On chain they have no such key.</exception>
    public async Task<SecretBytes> TagKeyAsync(AssetView asset, CancellationToken ct)
    {
        var function = (asset.Asset, (await FunctionAsync(asset, ct)).Key.PublicKey);
        if (_tagKeys.TryGetValue(function, out var known))
            return known;
        using var output = await AskAsync(asset, default, null, Nullifiers.TagKeyInput(asset.Asset), ct);
        if (_tagKeys.Count == MaxKept)
            Forget(_tagKeys, _tagKeys.Keys.First());
        return _tagKeys[function] = new SecretBytes(Nullifiers.TagKeyFromOutput(output[0]));
    }

    /// <summary>The nullifier of an account that a contribution is of.</summary>
    /// <exception cref="GuardiansSilentException">The asset's guardians do not answer; it may be tried again.</exception>
    /// <exception cref="InvalidDataException">On chain they have no such key.</exception>
    /// <param name="asset">The contribution's.</param>
    /// <param name="contribution">Which.</param>
    /// <param name="drawn">What shows that this verifier was drawn for it: guardians answer no other.</param>
    /// <param name="platform">The account's.</param>
    /// <param name="account">Its name.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Hash32> NullifierAsync(AssetView asset, Hash32 contribution, DrawnContribution drawn, string platform, string account, CancellationToken ct)
    {
        using var output = await AskAsync(asset, contribution, drawn, Nullifiers.Input(asset.Asset, platform, account), ct);
        return Nullifiers.FromOutput(output[0]);
    }

    /// <summary>The seed that the asset's guardians drew a contribution's verifiers by.</summary>
    /// <exception cref="InvalidDataException">The node's proof of it does not hold, or is of a committee that is not in force any more.</exception>
    public async Task<Hash32> SeedAsync(AssetView asset, Hash32 contribution, DrawnContribution drawn, CancellationToken ct)
    {
        using var draw = new VerifierDraw(asset.Asset, contribution, drawn.Owner, drawn.PartsRoot);
        var (committee, function) = await FunctionAsync(asset, ct);
        return draw.Seed(committee.Epoch, function, drawn.Proof) ?? throw new InvalidDataException($"the node does not show that committee {committee.Epoch} of asset {asset.Asset} drew the verifiers of {contribution}");
    }

    /// <summary>Zeroes keys, inputs and blinds.</summary>
    public void Dispose()
    {
        foreach (var secret in _tagKeys.Values)
            secret.Dispose();
        foreach (var question in _asked.Values)
            question.Dispose();
        _tagKeys.Clear();
        _asked.Clear();
    }

    private async Task<OprfOutputs> AskAsync(AssetView asset, Hash32 contribution, DrawnContribution? drawn, byte[] input, CancellationToken ct)
    {
        var about = new Hash32(SHA256.HashData([.. contribution.ToArray(), .. input]));
        try
        {
            var question = await QuestionAsync(about, asset, contribution, drawn, input, ct);
            await node.AskGuardiansAsync(question.Question, ct);
            long started = clock.GetTimestamp();
            int seen = 0;
            for (var pause = ShortestPoll; ; pause = pause * 2 < LongestPoll ? pause * 2 : LongestPoll)
            {
                var answers = await node.EvaluationAnswersAsync(question.Name, ct);
                if (answers.Count != seen)
                {
                    seen = answers.Count;
                    var (committee, function) = await FunctionAsync(asset, ct); // it may have changed meanwhile
                    if (question.Finish(committee, function, answers) is { } output)
                    {
                        Forget(_asked, about);
                        return output;
                    }
                }
                if (clock.GetElapsedTime(started) >= patience)
                    throw new GuardiansSilentException(asset.Asset, seen, patience);
                await Task.Delay(pause, clock, ct);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(input);
        }
    }

    private async Task<BlindedQuestion> QuestionAsync(Hash32 about, AssetView asset, Hash32 contribution, DrawnContribution? drawn, byte[] input, CancellationToken ct)
    {
        long now = clock.GetUtcNow().ToUnixTimeSeconds();
        if (_asked.TryGetValue(about, out var asked) && asked.Question.Drawn == drawn && asked.Question.Deadline > now + 2 * (long)patience.TotalSeconds && asked.Question.Deadline <= now + (long)Life.TotalSeconds)
            return asked;
        Forget(_asked, about);
        if (_asked.Count == MaxKept)
            Forget(_asked, _asked.Keys.First());
        return _asked[about] = BlindedQuestion.Create(input, await chain.ChainIdAsync(ct), asset.Ledger.Address, asset.Asset, contribution, drawn, key, now + (long)Life.TotalSeconds);
    }

    private async Task<(Committee Committee, OprfKey Key)> FunctionAsync(AssetView asset, CancellationToken ct)
    {
        try
        {
            var custody = await GuardianView.CustodyAsync(chain, asset.Registry.Address, BlockTag.Latest, ct) ?? throw new InvalidDataException($"there is no registry of asset {asset.Asset} on this verifier's chain");
            return (custody.InForce, OprfKey.Create(custody.InForce.Threshold, custody.OprfCommitments));
        }
        catch (Exception e) when (e is ThresholdException or CeremonyException)
        {
            throw new InvalidDataException($"the guardians of asset {asset.Asset} have no key for nullifiers: {e.Message}");
        }
    }

    private static void Forget<TKey, TValue>(Dictionary<TKey, TValue> kept, TKey one) where TKey : notnull where TValue : IDisposable
    {
        if (kept.Remove(one, out var secret))
            secret.Dispose();
    }
}
