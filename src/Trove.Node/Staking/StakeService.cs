using System.Globalization;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Protocol;

namespace Trove.Node.Staking;

/// <summary>
/// Money of verifiers and runners that they lose when they are shown to have lied. The node forwards what they signed to the contract
/// and tells what the contract says; nothing of it is kept here.
/// </summary>
public sealed class StakeService(AssetService assets, ChainConnection connection, ChainRelay relay, ChainReader reader, TimeProvider clock)
{
    private const int ReadAtOnce = 8;

    /// <summary>What an operator has at stake, at the chain's head.</summary>
    public async Task<StakeInfo> ShowAsync(Address assetId, Address account, CancellationToken ct) => await ReadAsync(await assets.RequireAsync(assetId, ct), account, ct);

    /// <summary>Has the contract draw an operator's money. The same authorization again finds it done.</summary>
    public async Task<StakeInfo> DepositAsync(Address assetId, DepositRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        RequireAmount(request.Amount);
        Signatures.RequireDeadline(request.ValidBefore, clock);
        var digest = ContractDigests.ReceiveWithAuthorization(connection.PaymentTokenDomain, request.Account, asset.Stakes, request.Amount.Units, (ulong)request.ValidBefore, request.Nonce);
        Signatures.Require(request.Account, digest, request.Signature);
        try
        {
            await relay.SendAsync(await PayerAsync(asset, request.Account, ct), "deposit", AssetCalls.Deposit(asset.Stakes, request), ct, key: digest);
        }
        catch (ApiException e) when (e.Code == "reverted")
        {
            var token = new TestDollar(asset.PaymentToken); // what is asked of it, every EIP-3009 token has
            if (await token.AuthorizationStateAsync(connection.Client, request.Account, request.Nonce, cancel: ct))
                throw new ApiException(409, "nonce-used", $"{request.Account} has used nonce {request.Nonce} at the payment token before", "sign again with a fresh random nonce");
            var has = await token.BalanceOfAsync(connection.Client, request.Account, cancel: ct);
            if (has < request.Amount.Units)
                throw new ApiException(409, "too-little-money", $"{request.Account} has ${new Money((UInt128)has)} of the payment token, and ${request.Amount} are to be put at stake", "bring the money to that account first");
            throw;
        }
        return await ReadAsync(asset, request.Account, ct);
    }

    /// <summary>Takes an amount out of what counts. The same signature again finds it done.</summary>
    public async Task<StakeInfo> UnstakeAsync(Address assetId, Address account, UnstakeRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        RequireAmount(request.Amount);
        Signatures.RequireDeadline(request.Deadline, clock);
        var digest = ContractDigests.Unstake(connection.ChainId, asset.Stakes, account, request.Amount.Units, (ulong)request.Deadline);
        Signatures.Require(account, digest, request.Signature);
        try
        {
            await relay.SendAsync(await PayerAsync(asset, account, ct), "unstake", AssetCalls.Unstake(asset.Stakes, account, request), ct, key: digest);
        }
        catch (ApiException e) when (e.Code == "reverted")
        {
            var stake = await ReadAsync(asset, account, ct);
            var free = stake.Active.Units > stake.AtRisk.Units ? stake.Active.Units - stake.AtRisk.Units : 0;
            if (request.Amount.Units > free)
                throw new ApiException(409, "not-free", $"${new Money(free)} of {account}'s stake can leave, not ${request.Amount}: ${stake.Active} are active, and uses hang on ${stake.AtRisk} of them",
                    "take out less, or wait until those uses are settled");
            throw;
        }
        return await ReadAsync(asset, account, ct);
    }

    /// <summary>Pays an operator what has left; nothing when nothing is leaving.</summary>
    public async Task<StakeInfo> WithdrawAsync(Address assetId, Address account, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var stake = await ReadAsync(asset, account, ct);
        if (stake.LeavesAt is not { } from)
            return stake;
        await RequireTimeAsync(from, $"what leaves of {account}'s stake", ct);
        await relay.SendUnlessZeroAsync([await PayerAsync(asset, account, ct)], "withdraw-stake", new Stakes(asset.Stakes).Withdraw(account), ct);
        return await ReadAsync(asset, account, ct);
    }

    /// <summary>Stake that was taken away, oldest first.</summary>
    public async Task<Page<SlashingInfo>> SlashingsAsync(Address assetId, PageRequest page, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var contract = new Stakes(asset.Stakes);
        ulong count = await CountAsync(contract, ct), first = page.After is null ? 0 : (ulong)page.Position() + 1;
        var found = new SlashingInfo[first >= count ? 0 : (int)Math.Min((ulong)page.Limit, count - first)];
        long now = await NowAsync(ct);
        await Parallel.ForAsync(0, found.Length, new ParallelOptions { MaxDegreeOfParallelism = ReadAtOnce, CancellationToken = ct },
            async (i, cancel) => found[i] = StakeReader.Describe(first + (ulong)i, await contract.SlashingOfAsync(connection.Client, first + (ulong)i, cancel: cancel), now));
        return new Page<SlashingInfo>(found, first + (ulong)found.Length < count ? found[^1].Number.ToString(CultureInfo.InvariantCulture) : null);
    }

    /// <summary>Pays what was taken away to whom it was given.</summary>
    public async Task<SlashingInfo> PayAsync(Address assetId, ulong number, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var contract = new Stakes(asset.Stakes);
        if (number >= await CountAsync(contract, ct))
            throw ApiException.NotFound($"slashing {number} of asset {assetId}", "list them with 'trove stake slashings'");
        var slashing = StakeReader.Describe(number, await contract.SlashingOfAsync(connection.Client, number, cancel: ct), await NowAsync(ct));
        if (slashing.FinalAt is not { } from)
            return slashing;
        await RequireTimeAsync(from, $"slashing {number} of asset {assetId}, which the owners can give back until then,", ct);
        if (slashing.Amount.Units < relay.Terms.LeastPayment.Units)
            throw new ApiException(403, "not-relayed", $"slashing {number} is ${slashing.Amount}, and this node pays gas from ${relay.Terms.LeastPayment} on", "send it to the chain yourself with --direct");
        await relay.SendAsync(asset.Asset, "pay-slashing", contract.Pay(number), ct);
        return StakeReader.Describe(number, await contract.SlashingOfAsync(connection.Client, number, cancel: ct), await NowAsync(ct));
    }

    private Task<Beneficiary> PayerAsync(AssetRow asset, Address account, CancellationToken ct) => reader.ReadAsync(asset, book => relay.For(asset, account, book), ct);

    private Task<StakeInfo> ReadAsync(AssetRow asset, Address account, CancellationToken ct) => StakeReader.ReadAsync(connection.Client, asset.Asset, asset.Stakes, asset.Grants, account, ct);

    private Task<ulong> CountAsync(Stakes contract, CancellationToken ct) => StakeReader.CountAsync(connection.Client, contract, ct);

    private async Task RequireTimeAsync(long from, string what, CancellationToken ct)
    {
        await connection.PassAsync([from], ct);
        if (await NowAsync(ct) is var now && now < from)
            throw new ApiException(409, "too-early", $"{what} is paid from second {from} on, and the chain is at {now}", "ask again then");
    }

    private async Task<long> NowAsync(CancellationToken ct) => checked((long)((await connection.Client.GetBlockAsync(BlockTag.Latest, ct))?.Timestamp ?? 0));

    private static void RequireAmount(Money amount)
    {
        if (amount.Units == 0 || amount.Units >> 96 != 0)
            throw ApiException.Invalid("an amount of stake is above zero and below 2^96 units", "name at least 0.000001");
    }
}
