using Trove.Core;

namespace Trove.Node.Protocol;

/// <summary>
/// What owners, buyers and operators ask of an asset and have done with what they signed: by a node, which pays for it
/// (<see cref="TroveClient"/>), or by the chain itself, past every node (<c>trove … --direct</c>). Both take the same signed documents.
/// What is refused ends in an exception that says what to do: <see cref="TroveApiException"/> of a node, of the chain
/// <see cref="Trove.Chain.Rpc.RpcException"/> with the contract's reason.
/// </summary>
public interface IAssetClient : IDisposable
{
    /// <summary>Which chain it is, and what money.</summary>
    Task<NodeInfo> InfoAsync(CancellationToken ct);

    /// <summary>Assets that can be named by their symbols.</summary>
    Task<List<AssetInfo>> AssetsAsync(CancellationToken ct);

    /// <summary>One asset.</summary>
    Task<AssetInfo> AssetAsync(Address asset, CancellationToken ct);

    /// <summary>What can be asked of it.</summary>
    Task<DataInfo> DataAsync(Address asset, CancellationToken ct);

    /// <summary>Requests, oldest first.</summary>
    Task<List<RequestInfo>> RequestsAsync(Address asset, CancellationToken ct);

    /// <summary>One request.</summary>
    Task<RequestInfo> RequestAsync(Address asset, Hash32 request, CancellationToken ct);

    /// <summary>Asks for a use; the signature is its payment.</summary>
    Task<RequestInfo> RequestQueryAsync(Address asset, QueryRequest request, CancellationToken ct);

    /// <summary>Proposals, oldest first.</summary>
    Task<List<ProposalInfo>> ProposalsAsync(Address asset, CancellationToken ct);

    /// <summary>Puts something to the vote.</summary>
    Task<ProposalInfo> ProposeAsync(Address asset, ProposeRequest request, CancellationToken ct);

    /// <summary>Casts a ballot.</summary>
    Task<ProposalInfo> VoteAsync(Address asset, Hash32 proposal, VoteRequest request, CancellationToken ct);

    /// <summary>Takes a decided proposal one step on.</summary>
    Task<ProposalInfo> ExecuteAsync(Address asset, Hash32 proposal, CancellationToken ct);

    /// <summary>What an account votes with.</summary>
    Task<VotesInfo> VotesAsync(Address asset, Address account, CancellationToken ct);

    /// <summary>Gives votes away, or takes them back.</summary>
    Task<VotesInfo> DelegateAsync(Address asset, DelegationRequest request, CancellationToken ct);

    /// <summary>What an operator has at stake.</summary>
    Task<StakeInfo> StakeAsync(Address asset, Address account, CancellationToken ct);

    /// <summary>Puts money at stake.</summary>
    Task<StakeInfo> DepositAsync(Address asset, DepositRequest request, CancellationToken ct);

    /// <summary>Takes stake out.</summary>
    Task<StakeInfo> UnstakeAsync(Address asset, Address account, UnstakeRequest request, CancellationToken ct);

    /// <summary>Pays an operator what has left.</summary>
    Task<StakeInfo> WithdrawStakeAsync(Address asset, Address account, CancellationToken ct);

    /// <summary>Stake that was taken away, oldest first.</summary>
    Task<List<SlashingInfo>> SlashingsAsync(Address asset, CancellationToken ct);

    /// <summary>Pays what was taken away to whom it was given.</summary>
    Task<SlashingInfo> PaySlashingAsync(Address asset, ulong number, CancellationToken ct);

    /// <summary>What an owner has.</summary>
    Task<BalanceInfo> BalanceAsync(Address asset, Address owner, CancellationToken ct);

    /// <summary>Has everything paid out to its owner.</summary>
    Task<BalanceInfo> ClaimAsync(Address asset, ClaimRequest request, CancellationToken ct);

    /// <summary>Pays a dividend.</summary>
    Task<TransactionInfo> PayAsync(Address asset, DividendRequest request, CancellationToken ct);
}
