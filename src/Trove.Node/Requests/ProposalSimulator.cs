using System.Globalization;
using System.Numerics;
using Microsoft.Extensions.Logging;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Embedded;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Requests;

/// <summary>
/// Shows what a proposal would do: carries it out as the timelock on a copy of the chain, at the time of its earliest effect, and reads
/// before and after what the contracts say. Nothing reaches the chain itself; what happens until then the copy cannot know.
/// </summary>
public sealed class ProposalSimulator(AssetService assets, RequestService requests, ChainConnection connection, ILogger<ProposalSimulator> log) : IDisposable
{
    /// <summary>Copies at once: each is a process, and reads the chain's node.</summary>
    public const int AtOnce = 2;

    /// <summary>A copy ends after this, whatever it is doing.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    // GovernorUpgradeable keeps its queue of calls to itself third in its storage (ERC-7201 openzeppelin.storage.Governor).
    private static readonly BigInteger GovernanceCalls = ContractDigests.ToInteger(Hash32.Parse("0x7c712897014dbe49c045ef1299aa2d5f9e67e48eea4403efa21f1e0f3ac0cb00")) + 2;

    private readonly SemaphoreSlim _places = new(AtOnce);

    /// <summary>Simulates a proposal at the chain's newest block.</summary>
    public async Task<SimulationInfo> SimulateAsync(Address assetId, Hash32 id, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var proposal = await requests.ProposalAsync(assetId, id, ct);
        var action = proposal.ToAction() ?? throw new ApiException(409, "unreadable", "this node cannot read what the proposal would do", "ask a node of a later version");
        if (!_places.Wait(0, ct))
            throw new ApiException(503, "simulations-busy", $"{AtOnce} proposals are being simulated", "try again in a moment");
        var folder = Directory.CreateTempSubdirectory("trove-simulation-");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Limit);
        try
        {
            return await RunAsync(asset, proposal, action, folder.FullName, limit.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new ApiException(503, "simulation-too-slow", $"the copy of the chain was not done within {Limit.TotalSeconds:0} s", "try again, or simulate with a node of your own");
        }
        // The reason may name the chain's URL.
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            log.LogWarning(LogEvents.SimulationFailed, "A proposal of {Asset} cannot be simulated: {Kind}", asset.Asset, (e as RpcException)?.Failure.ToString() ?? e.GetType().Name);
            throw new ApiException(503, "no-simulation", "the chain cannot be copied now", "try again later; the operator finds in 'trove doctor' what the node lacks");
        }
        finally
        {
            folder.Delete(recursive: true);
            _places.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _places.Dispose();

    private async Task<SimulationInfo> RunAsync(AssetRow asset, ProposalInfo proposal, ProposedAction action, string folder, CancellationToken ct)
    {
        var head = await connection.Client.GetBlockAsync(BlockTag.Latest, ct) ?? throw new InvalidOperationException("the chain has no newest block");
        var call = action.ToCall(ActionTargets.Of(asset));
        await using var copy = await ForkedChain.StartAsync(connection.Rpc, connection.ChainId, head, folder, ct);
        ulong at = Math.Max(head.Timestamp + 1, (ulong)Math.Max(0, proposal.Outlook?.EffectAt ?? 0));
        await copy.AdvanceToAsync(at, ct);
        if (call.To == asset.Governor)
            await ExpectAsync(copy, call, ct);
        var before = await FactsAsync(asset, action, copy.Client, ct);
        string? error = null;
        try
        {
            await copy.SendAsync(asset.Timelock, call, ct);
        }
        catch (RpcException e) when (e.Failure == RpcFailure.Reverted)
        {
            error = e.Reason;
        }
        var after = error is null ? await FactsAsync(asset, action, copy.Client, ct) : before;
        return new SimulationInfo(proposal.Proposal, head.Number, (long)at, error, [.. before.Zip(after, (b, a) => new SimulatedFact(b.Fact, b.Says, a.Says))]);
    }

    // What the governor does to itself it takes only from its own execute, which has noted the call's hash in a queue (OpenZeppelin,
    // GovernorUpgradeable._checkGovernance). Whether the vote comes to that is not what is asked here.
    private static async Task ExpectAsync(ForkedChain copy, ContractCall call, CancellationToken ct)
    {
        var slot = ContractDigests.ToHash(GovernanceCalls + 1).ToArray();
        await copy.StoreAsync(call.To, ContractDigests.ToHash(GovernanceCalls), ContractDigests.ToHash(BigInteger.One << 128), ct); // begin 0, end 1
        await copy.StoreAsync(call.To, Keccak256.Hash([.. new byte[Hash32.Size], .. slot]), Keccak256.Hash(call.Data), ct);
    }

    private static async Task<IReadOnlyList<(string Fact, string Says)>> FactsAsync(AssetRow asset, ProposedAction action, EthClient chain, CancellationToken ct)
    {
        var (registry, grants, governor, money) = (new Registry(asset.Registry), new Grants(asset.Grants), new AssetGovernor(asset.Governor), new TestDollar(asset.PaymentToken));
        var facts = new List<(string, string)>();
        if (action.Request is { } request)
        {
            var grant = await grants.GrantOfAsync(chain, request, cancel: ct);
            facts.Add(("request", grant.State switch { 1 => "requested", 2 => "approved", 3 => "use-opened", 4 => "posted", 5 => "challenged", 6 => "settled", 7 => "refunded", _ => "unknown to the contract" }));
            facts.Add(("buyer's credit", Dollars(await grants.CreditOfAsync(chain, grant.Buyer, cancel: ct))));
        }
        var custody = await registry.CustodyAsync(chain, cancel: ct);
        facts.Add(("runners", List(custody.Runners)));
        facts.Add(("guardians", $"{custody.Threshold} of {List(custody.Guardians)}"));
        var (invited, threshold) = await registry.InvitationAsync(chain, cancel: ct);
        facts.Add(("invited guardians", invited.Count == 0 ? "none" : $"{threshold} of {List(invited)}"));
        var verifiers = await registry.VerifierSetAsync(chain, await registry.VerifierSetVersionAsync(chain, cancel: ct), cancel: ct);
        facts.Add(("verifiers", $"{verifiers.Threshold} of {string.Join(", ", verifiers.Verifiers.Zip(verifiers.Recipients, (v, r) => $"{v} with {new X25519Recipient(r)}"))}"));
        facts.Add(("policy", (await registry.PolicyHashAsync(chain, cancel: ct)).ToString()));
        var paused = await registry.PausedUntilAsync(chain, cancel: ct);
        var now = (await chain.GetBlockAsync(BlockTag.Latest, ct))?.Timestamp ?? 0;
        facts.Add(("paused", paused < now ? "no" : paused > uint.MaxValue ? "without end" : $"until {DateTimeOffset.FromUnixTimeSeconds((long)paused).ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture)}"));
        foreach (var @class in Enum.GetValues<ProposalClass>())
            facts.Add(($"rules of {@class.ToString().ToLowerInvariant()}", InWords(RulesInfo.Of(await governor.RulesOfAsync(chain, (byte)@class, cancel: ct)))));
        facts.Add(("in escrow", Dollars(await grants.EscrowedAsync(chain, cancel: ct))));
        facts.Add(("waits for buyers", Dollars(await grants.CreditedAsync(chain, cancel: ct))));
        facts.Add(("balance of grants", Dollars(await money.BalanceOfAsync(chain, asset.Grants, cancel: ct))));
        facts.Add(("balance of the share token", Dollars(await money.BalanceOfAsync(chain, asset.Asset, cancel: ct))));
        return facts;
    }

    private static string InWords(RulesInfo r) => string.Create(CultureInfo.InvariantCulture,
        $"{r.VotingPeriod} s to vote, {r.TimelockDelay} s until the effect, {r.QuorumPercent} % and at least {r.QuorumFloor} shares take part, more than {r.ApprovalPercent} % are for, {r.ProposalThreshold} shares propose");

    private static string List(IReadOnlyList<Address> accounts) => accounts.Count == 0 ? "none" : string.Join(", ", accounts);

    private static string Dollars(BigInteger units) => units > (BigInteger)UInt128.MaxValue ? "more than there is" : $"${new Money((UInt128)units)}";
}
