using System.Numerics;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Chain;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;

namespace Trove.SystemTests.Ceremonies;

/// <summary>A member with all the shares of an asset, whose votes are sent through a node's relayer while its chain's time is moved on.</summary>
internal static class Owner
{
    /// <summary>Contributes, and has all the shares.</summary>
    public static async Task<Member> EarnAsync(TroveClient node, NodeInfo info, AssetInfo asset, SigningKey founder, KeyFile verifier)
    {
        var owner = await Member.PrepareAsync(asset, Member.Reddit("hands_on", "Whoever keeps the keys of this harbour should be asked by those who built it"));
        var id = await owner.ContributeAsync(node, info, asset);
        await ApiFixture.VerifyAsync(node, info, [verifier], async () => (await node.ContributionAsync(id, default)).State == "attested");
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        await node.CloseEpochAsync(asset.Asset, new CloseEpochRequest(1, nonce, deadline,
            Hex.Encode(founder.Sign(Messages.CloseEpoch(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, 1, nonce, deadline)))), default);
        await ApiFixture.VerifyAsync(node, info, [verifier], async () => await node.BalanceAsync(asset.Asset, owner.Key.Address, default) is var b && b.Shares.Units > b.Unclaimed.Units);
        return owner;
    }

    /// <summary>Proposes, votes, queues and executes.</summary>
    /// <param name="description">Of a proposal on a request; another of each other.</param>
    public static async Task VoteAsync(NodeHost node, NodeInfo info, AssetInfo asset, Member owner, ContractCall action, string? description = null)
    {
        var (relay, connection) = (node.Services.GetRequiredService<ChainRelay>(), node.Services.GetRequiredService<ChainConnection>());
        var (governor, by) = (new AssetGovernor(asset.Governor), owner.Key.Address);
        description ??= $"Hand the keys on {Member.Fresh()}";
        var id = ContractDigests.ProposalId(action, description);
        await PassAsync(5);
        ulong deadline = connection.Embedded!.Head.Timestamp + 1000;
        await relay.SendAsync(by, "propose", governor.ProposeBySig([action.To], [BigInteger.Zero], [action.Data], description, by, deadline,
            owner.Key.Sign(ContractDigests.Propose(info.ChainId, asset.Governor, id, by, deadline))), default);
        await PassAsync(5);
        await relay.SendAsync(by, "vote", governor.CastVoteBySig(ContractDigests.ToInteger(id), 1, by,
            owner.Key.Sign(ContractDigests.Ballot(info.ChainId, asset.Governor, id, 1, by, ContractDigests.BallotNonce(id)))), default);
        await PassAsync(100);
        var hash = Keccak256.Hash(Encoding.UTF8.GetBytes(description));
        await relay.SendAsync(by, "queue", governor.Queue([action.To], [BigInteger.Zero], [action.Data], hash), default);
        await PassAsync(5);
        await relay.SendAsync(by, "execute", governor.Execute([action.To], [BigInteger.Zero], [action.Data], hash), default);

        // From the last block there is: what the chain's owner remembers of its head may be a block behind.
        async Task PassAsync(int seconds)
        {
            async Task<ulong> TimeAsync() => (await connection.Client.GetBlockAsync(BlockTag.Latest))!.Timestamp;
            for (ulong until = await TimeAsync() + (ulong)seconds; await TimeAsync() < until;)
                await connection.Embedded!.AdvanceToAsync(DateTimeOffset.FromUnixTimeSeconds((long)until));
        }
    }
}
