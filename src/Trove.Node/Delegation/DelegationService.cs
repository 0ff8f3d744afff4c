using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Protocol;

namespace Trove.Node.Delegation;

/// <summary>
/// Owners who do not vote themselves give their votes to somebody who does. The node forwards what they signed to the share token, and
/// keeps what delegates say of themselves.
/// </summary>
public sealed class DelegationService(AssetService assets, StatementStore statements, ChainConnection connection, ChainRelay relay, ChainReader reader, TimeProvider clock)
{
    /// <summary>What an account votes with, at the chain's head.</summary>
    public async Task<VotesInfo> VotesAsync(Address assetId, Address account, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var token = new ShareToken(assetId);
        var to = await token.DelegatesAsync(connection.Client, account, cancel: ct);
        return new VotesInfo(assetId, account, new Shares((UInt128)await token.BalanceOfAsync(connection.Client, account, cancel: ct)),
            new Shares((UInt128)await token.GetVotesAsync(connection.Client, account, cancel: ct)), to.IsZero ? null : to,
            await reader.ReadAsync(asset, book => book.Delegates.DelegatorsOf(account), ct), (ulong)await token.NoncesAsync(connection.Client, account, cancel: ct));
    }

    /// <summary>Has the share token move an owner's votes.</summary>
    public async Task<VotesInfo> DelegateAsync(Address assetId, DelegationRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        if (request.Delegatee.IsZero)
            throw ApiException.Invalid("votes are given to an account, not to the zero address, where they would be lost", "give them to yourself to take them back");
        Signatures.RequireDeadline(request.Expiry, clock);
        var digest = ContractDigests.Delegation(connection.ChainId, assetId, asset.Name, request.Delegatee, request.Nonce, (ulong)request.Expiry);
        Signatures.Require(request.Delegator, digest, request.Signature);
        var votes = await VotesAsync(assetId, request.Delegator, ct);
        if (votes.Nonce > request.Nonce)
            return votes.Delegate == request.Delegatee ? votes // done, by this signature or a later one
                : throw new ApiException(409, "nonce-used", $"{request.Delegator} has used nonce {request.Nonce} at the share token before", "sign again with the next one");
        if (votes.Nonce < request.Nonce)
            throw new ApiException(409, "nonce-ahead", $"the next nonce of {request.Delegator} at the share token is {votes.Nonce}, not {request.Nonce}", "sign again with that one");
        // It costs whoever pays the gas, and moves nothing.
        if (votes.Shares.Units == 0)
            throw new ApiException(403, "no-votes", $"{request.Delegator} holds no shares of {asset.Symbol}", "claim your shares first");
        var payer = await reader.ReadAsync(asset, book => relay.For(asset, request.Delegator, book), ct);
        await relay.SendAsync(payer, "delegate", AssetCalls.Delegate(assetId, request), ct, key: digest);
        await reader.CatchUpAsync(ct);
        return await VotesAsync(assetId, request.Delegator, ct);
    }

    /// <summary>Who votes for others or offers to, by the votes each has.</summary>
    public async Task<Page<DelegateInfo>> DelegatesAsync(Address assetId, PageRequest page, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var authors = await statements.AuthorsAsync(assetId, ct);
        var all = await reader.ReadAsync(asset, book => book.Delegates.Chosen.Union(authors)
            .Select(d => (Delegate: d, Votes: book.Delegates.VotesOf(d), Delegators: book.Delegates.DelegatorsOf(d))).ToList(), ct);
        var (delegates, next) = page.Slice([.. all.OrderByDescending(d => d.Votes.Units).ThenBy(d => d.Delegate.ToString(), StringComparer.Ordinal)], d => d.Delegate.ToString());
        var said = await statements.OfAsync(assetId, [.. delegates.Select(d => d.Delegate)], ct);
        return new Page<DelegateInfo>([.. delegates.Select(d => new DelegateInfo(d.Delegate, d.Votes, d.Delegators, said.GetValueOrDefault(d.Delegate)))], next);
    }

    /// <summary>Keeps a delegate's statement. The same one again is kept once.</summary>
    public async Task<StatementInfo> StateAsync(Address assetId, Address @delegate, StatementRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        if (StatementRequest.Problem(request.Text) is { } problem)
            throw ApiException.Invalid(problem, "write one plain paragraph");
        if (request.Revision is 0 or > long.MaxValue)
            throw ApiException.Invalid("revisions of a statement are counted from 1", "take the number after your last one");
        var signature = Signatures.Require(@delegate, Messages.DelegateStatement(Messages.Domain(connection.ChainId, asset.Ledger), assetId, @delegate, request.Text, request.Revision), request.Signature);
        // A key costs nothing, a share does: strangers do not fill the list.
        if ((await VotesAsync(assetId, @delegate, ct)).Votes.Units == 0)
            throw new ApiException(403, "no-votes", $"{@delegate} votes with no share of {asset.Symbol}", "whoever votes makes statements: hold a share, or be given votes, first");
        if (!await statements.PutAsync(assetId, @delegate, request.Revision, request.Text, signature, ct))
            throw new ApiException(409, "old-revision", $"{@delegate} has made a statement of revision {request.Revision} or later before", "sign again with a later revision");
        return (await statements.OfAsync(assetId, [@delegate], ct))[@delegate];
    }
}
