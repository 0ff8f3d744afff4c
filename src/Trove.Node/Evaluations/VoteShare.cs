using System.Numerics;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Node.Evaluations;

/// <summary>
/// What somebody has of an asset's votes, as both were when the chain's day (UTC) began: of what is divided by it nobody gets more by moving shares
/// from wallet to wallet or by splitting them. Votes that were lent are their delegate's; a default one is a stranger's.
/// </summary>
/// <param name="Votes">In the smallest units of shares.</param>
/// <param name="Supply">All shares, also those that nobody has claimed yet.</param>
internal readonly record struct VoteShare(BigInteger Votes, BigInteger Supply)
{
    private const ulong Day = 86_400; // seconds

    /// <summary>Its part of so many, rounded down: those of all who have votes are never more than <paramref name="all"/> together.</summary>
    public int Of(int all) => Votes.Sign <= 0 || Supply.Sign <= 0 ? 0 : (int)(all * BigInteger.Min(Votes, Supply) / Supply);

    /// <summary>Reads it (ERC-5805; OpenZeppelin keeps checkpoints, so that no old state is needed).</summary>
    /// <param name="chain">Whom to believe.</param>
    /// <param name="token">The asset's shares.</param>
    /// <param name="owner">Whose it is.</param>
    /// <param name="head">The block to read at, and its time, whose day it is.</param>
    /// <param name="ct">Ends the reading.</param>
    /// <exception cref="RpcException">The chain cannot be read.</exception>
    public static async Task<VoteShare> AtDayStartAsync(EthClient chain, ShareToken token, Address owner, (ulong Number, ulong Timestamp) head, CancellationToken ct)
    {
        if (head.Timestamp < Day)
            return default;
        BigInteger before = head.Timestamp / Day * Day - 1; // the last second of the day before, which is over for good
        var votes = await token.GetPastVotesAsync(chain, owner, before, BlockTag.At(head.Number), ct);
        return votes.IsZero ? default : new VoteShare(votes, await token.GetPastTotalSupplyAsync(chain, before, BlockTag.At(head.Number), ct));
    }
}
