using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Trove.Chain;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Chain.Events;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Chain;
using Trove.Node.Protocol;
using Trove.Node.Requests;
using Trove.Node.Staking;
using Epoch = Trove.Core.Rewards.Epoch;

namespace Trove.Cli.Direct;

/// <summary>
/// One asset without any node: its contracts are found from its share token on, what is known is read from their state and events, and
/// what was signed is sent to them by an account of one's own, which pays the gas. No node can refuse that, or show anything else than
/// the chain does.
/// </summary>
/// <param name="chain">One's own view of the chain; disposed with this.</param>
/// <param name="asset">The share token.</param>
/// <param name="payer">Whose account sends and pays; null only reads.</param>
/// <param name="lists">A node that is asked who earned what, which is not on chain; what it says is held against the roots there. Disposed with this.</param>
internal sealed class DirectClient(EthClient chain, Address asset, SigningKey? payer, TroveClient? lists) : IAssetClient
{
    private static readonly UInt128 MaxFee = 200_000_000_000; // wei per gas: who answers for the chain does not say what a member pays
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromMinutes(3);

    private static readonly AbiType PostEpochType = AbiType.Parse("((uint64,bytes32,bytes32,uint256,uint32,bytes32,uint64),bytes[])"), PostResultType = AbiType.Parse("(bytes32,uint32,bytes32,bytes32,bytes)");

    private const int MostLapses = 4;

    private AssetInfo? _info;
    private GrantBook _book = new();
    private FollowerCursor? _cursor;

    /// <inheritdoc/>
    public async Task<NodeInfo> InfoAsync(CancellationToken ct)
    {
        var info = await AssetAsync(asset, ct);
        // EIP-712's separator as the token gives it: what it checks is what is signed.
        return new NodeInfo("", await chain.ChainIdAsync(ct), "", default, info.PaymentToken, await new TestDollar(info.PaymentToken).DomainSeparatorAsync(chain, cancel: ct), info.OperatorTrusted, default);
    }

    /// <inheritdoc/>
    public async Task<List<AssetInfo>> AssetsAsync(CancellationToken ct) => [await AssetAsync(asset, ct)];

    /// <inheritdoc/>
    public async Task<AssetInfo> AssetAsync(Address address, CancellationToken ct)
    {
        if (_info is not null)
            return _info;
        var view = await AssetView.ReadAsync(chain, address, ct);
        var (token, registry, grants) = (view.Token, view.Registry, view.Grants);
        var governor = new AssetGovernor(await grants.GovernorAsync(chain, cancel: ct));
        async Task<RulesInfo> RulesAsync(ProposalClass c) => RulesInfo.Of(await governor.RulesOfAsync(chain, (byte)c, cancel: ct));
        var rules = new RuleSet(await RulesAsync(ProposalClass.Query), await RulesAsync(ProposalClass.Copy), await RulesAsync(ProposalClass.Constitution));
        ulong version = await registry.VerifierSetVersionAsync(chain, cancel: ct);
        var verifiers = await registry.VerifierSetAsync(chain, version, cancel: ct);
        // An embedded chain is anvil's, and whoever runs it can rewrite it.
        bool trusted = (await chain.SendAsync("web3_clientVersion", [], ct)).ToString().StartsWith("anvil", StringComparison.Ordinal);
        return _info = new AssetInfo(address, await token.NameAsync(chain, cancel: ct), await token.SymbolAsync(chain, cancel: ct), default, registry.Address, view.Ledger.Address,
            grants.Address, governor.Address, await grants.TimelockAsync(chain, cancel: ct), await grants.StakesAsync(chain, cancel: ct),
            CustodyInfo.Of(await registry.CustodyAsync(chain, cancel: ct)) with { Epoch = await registry.CommitteeEpochAsync(chain, cancel: ct) },
            new GovernanceInfo((uint)await governor.LateQuorumVoteExtensionAsync(chain, cancel: ct), await governor.MinimumOwnersAsync(chain, cancel: ct), 0, rules),
            CharterInfo.Of(await grants.CharterAsync(chain, cancel: ct)), await token.PaymentTokenAsync(chain, cancel: ct), new X25519Recipient(await registry.RecipientAsync(chain, cancel: ct)).ToString(),
            await registry.PolicyHashAsync(chain, cancel: ct), null, [.. verifiers.Verifiers.Zip(verifiers.Recipients, (v, k) => new VerifierInfo(v, new X25519Recipient(k).ToString()))],
            verifiers.Threshold, version, trusted, await view.Ledger.LatestEpochAsync(chain, cancel: ct), new Shares((UInt128)await token.TotalSupplyAsync(chain, cancel: ct)),
            new Money((UInt128)await token.DividendsReceivedAsync(chain, cancel: ct)), 0, await view.Ledger.VestingEpochsAsync(chain, cancel: ct));
    }

    /// <inheritdoc/>
    /// <remarks>What the parts are is known to nodes only: no cells.</remarks>
    public async Task<DataInfo> DataAsync(Address address, CancellationToken ct)
    {
        var (info, grants) = (await AssetAsync(address, ct), new Grants((await AssetAsync(address, ct)).Grants));
        ulong snapshot = await grants.SnapshotEpochAsync(chain, cancel: ct);
        var start = await grants.PeriodStartAsync(chain, cancel: ct);
        return new DataInfo(address, snapshot, (long)await grants.SnapshotAtAsync(chain, snapshot, cancel: ct) * 1000, info.Charter.MinimumGroupSize,
            new BudgetInfo((long)start, start == 0 ? 0 : (long)start + info.Charter.Period, await grants.SpentAsync(chain, cancel: ct), info.Charter.Budget, await grants.StandingUsesAsync(chain, cancel: ct)), [], []);
    }

    /// <inheritdoc/>
    public async Task<List<RequestInfo>> RequestsAsync(Address address, CancellationToken ct)
    {
        var info = await AssetAsync(address, ct);
        return [.. (await BookAsync(ct)).Requests.Select(r => r.Describe(address, info.Grants))];
    }

    /// <inheritdoc/>
    public async Task<RequestInfo> RequestAsync(Address address, Hash32 request, CancellationToken ct) =>
        (await RequestsAsync(address, ct)).Find(r => r.Request == request) ?? throw new CommandException($"there is no request {request} of asset {address} on this chain", "list them with 'trove requests --direct'");

    /// <inheritdoc/>
    public async Task<RequestInfo> RequestQueryAsync(Address address, QueryRequest request, CancellationToken ct)
    {
        var info = await AssetAsync(address, ct);
        await SendAsync("the request", AssetCalls.Request(info.Grants, request), ct);
        return await RequestAsync(address, ContractDigests.RequestId(await chain.ChainIdAsync(ct), info.Grants, request.Terms.ToAbi()), ct);
    }

    /// <inheritdoc/>
    public async Task<List<ProposalInfo>> ProposalsAsync(Address address, CancellationToken ct)
    {
        var info = await AssetAsync(address, ct);
        var list = new List<ProposalInfo>();
        foreach (var proposal in (await BookAsync(ct)).Proposals)
            list.Add((await proposal.DescribeAsync(chain, address, info.Governor, ct)).Info);
        return list;
    }

    /// <inheritdoc/>
    public async Task<ProposalInfo> ProposeAsync(Address address, ProposeRequest request, CancellationToken ct)
    {
        var at = ActionTargets.Of(await AssetAsync(address, ct));
        var action = request.ToAction() ?? throw new CommandException("the contracts would not take this proposal", "see 'trove propose --help'");
        string description = action.Kind == ActionKind.Approve ? ContractDigests.RequestDescription(request.Request!.Value) : request.Description!;
        var id = ContractDigests.ProposalId(action.ToCall(at), description);
        if ((await BookAsync(ct)).Proposal(id) is null)
            await SendAsync("the proposal", AssetCalls.Propose(at, action, description, request), ct);
        return await ProposalAsync(address, id, ct);
    }

    /// <inheritdoc/>
    public async Task<ProposalInfo> VoteAsync(Address address, Hash32 proposal, VoteRequest request, CancellationToken ct)
    {
        await SendAsync("the ballot", AssetCalls.Vote((await AssetAsync(address, ct)).Governor, proposal, request), ct);
        return await ProposalAsync(address, proposal, ct);
    }

    /// <inheritdoc/>
    public async Task<ProposalInfo> ExecuteAsync(Address address, Hash32 proposal, CancellationToken ct)
    {
        var (found, record, at) = (await ProposalAsync(address, proposal, ct), (await BookAsync(ct)).Proposal(proposal)!, ActionTargets.Of(await AssetAsync(address, ct)));
        switch (found.State)
        {
            case "succeeded":
                await SendAsync("the proposal's way into the timelock", AssetCalls.Queue(at, record.Action, record.Description), ct);
                break;
            case "queued" when found.ExecutableAt <= await NowAsync(ct):
                await SendAsync("the proposal's execution", AssetCalls.Execute(at, record.Action, record.Description), ct);
                break;
            case "queued":
                await Task.Delay(Poll, ct);
                return found;
            case "executed":
                return found;
            default:
                throw new CommandException($"proposal {proposal} is {found.State}", found.State == "active" ? "wait until the vote has ended" : "nothing can be executed; ask again with other terms");
        }
        return await ProposalAsync(address, proposal, ct);
    }

    /// <inheritdoc/>
    public async Task<VotesInfo> VotesAsync(Address address, Address account, CancellationToken ct)
    {
        var token = new ShareToken(address);
        var to = await token.DelegatesAsync(chain, account, cancel: ct);
        var chosen = new Dictionary<Address, Address>();
        await FollowAsync(null, new LogFilter([address], [ShareToken.DelegateChangedEvent.Signature]), chosen.Clear, l =>
        {
            if (ShareToken.DelegateChangedEvent.Decode(l.Log) is { } changed)
                chosen[changed.Delegator] = changed.ToDelegate;
        }, ct);
        return new VotesInfo(address, account, new Shares((UInt128)await token.BalanceOfAsync(chain, account, cancel: ct)), new Shares((UInt128)await token.GetVotesAsync(chain, account, cancel: ct)),
            to.IsZero ? null : to, chosen.Count(c => c.Value == account && c.Key != account), (ulong)await token.NoncesAsync(chain, account, cancel: ct));
    }

    /// <inheritdoc/>
    public async Task<VotesInfo> DelegateAsync(Address address, DelegationRequest request, CancellationToken ct)
    {
        await SendAsync("the delegation", AssetCalls.Delegate(address, request), ct);
        return await VotesAsync(address, request.Delegator, ct);
    }

    /// <inheritdoc/>
    public async Task<StakeInfo> StakeAsync(Address address, Address account, CancellationToken ct)
    {
        var info = await AssetAsync(address, ct);
        return await StakeReader.ReadAsync(chain, address, info.Stakes, info.Grants, account, ct);
    }

    /// <inheritdoc/>
    public async Task<StakeInfo> DepositAsync(Address address, DepositRequest request, CancellationToken ct)
    {
        await SendAsync("the deposit", AssetCalls.Deposit((await AssetAsync(address, ct)).Stakes, request), ct);
        return await StakeAsync(address, request.Account, ct);
    }

    /// <inheritdoc/>
    public async Task<StakeInfo> UnstakeAsync(Address address, Address account, UnstakeRequest request, CancellationToken ct)
    {
        await SendAsync("taking stake out", AssetCalls.Unstake((await AssetAsync(address, ct)).Stakes, account, request), ct);
        return await StakeAsync(address, account, ct);
    }

    /// <inheritdoc/>
    public async Task<StakeInfo> WithdrawStakeAsync(Address address, Address account, CancellationToken ct)
    {
        await SendAsync("the payment of what left", new Stakes((await AssetAsync(address, ct)).Stakes).Withdraw(account), ct);
        return await StakeAsync(address, account, ct);
    }

    /// <inheritdoc/>
    public async Task<List<SlashingInfo>> SlashingsAsync(Address address, CancellationToken ct)
    {
        var contract = new Stakes((await AssetAsync(address, ct)).Stakes);
        var list = new List<SlashingInfo>();
        for (ulong i = 0, count = await StakeReader.CountAsync(chain, contract, ct); i < count; i++)
            list.Add(StakeReader.Describe(i, await contract.SlashingOfAsync(chain, i, cancel: ct), await NowAsync(ct)));
        return list;
    }

    /// <inheritdoc/>
    public async Task<SlashingInfo> PaySlashingAsync(Address address, ulong number, CancellationToken ct)
    {
        var contract = new Stakes((await AssetAsync(address, ct)).Stakes);
        await SendAsync("the payment", contract.Pay(number), ct);
        return StakeReader.Describe(number, await contract.SlashingOfAsync(chain, number, cancel: ct), await NowAsync(ct));
    }

    /// <summary>Shows two signatures that contradict each other. The account that sends it is who is rewarded.</summary>
    public async Task<TransactionInfo> ShowAsync(Func<Stakes, ContractCall> two, CancellationToken ct) => await SendAsync("the proof", two(new Stakes((await AssetAsync(asset, ct)).Stakes)), ct);

    /// <summary>Would the contract take it?</summary>
    public async Task<bool> WouldTakeAsync(Func<Stakes, ContractCall> two, CancellationToken ct)
    {
        try
        {
            await chain.CallAsync(two(new Stakes((await AssetAsync(asset, ct)).Stakes)), payer?.Address, BlockTag.Pending, ct);
            return true;
        }
        catch (RpcException e) when (e.Failure == RpcFailure.Reverted)
        {
            return false;
        }
    }

    /// <summary>The verifiers of a version of their set; none of one that there was not.</summary>
    public async Task<VerifierSet> VerifierSetAsync(ulong version, CancellationToken ct) => await new Registry((await AssetAsync(asset, ct)).Registry).VerifierSetAsync(chain, version, cancel: ct);

    /// <summary>The statements by which an epoch's root was posted, as their transaction carried them; none when it was not, or by another contract's call.</summary>
    public async Task<IReadOnlyList<RootStatement>> PostedRootsAsync(ulong epoch, CancellationToken ct)
    {
        var found = new List<RootStatement>();
        foreach (var call in await CallsAsync(new Ledger((await AssetAsync(asset, ct)).Ledger).Address, Ledger.EpochPostedEvent.Signature, l => Ledger.EpochPostedEvent.Decode(l)?.Epoch == epoch, Ledger.Selectors.PostEpoch, ct))
            if (AbiCodec.Decode(PostEpochType, call) is [object[] r, object[] signatures])
                found.AddRange(signatures.Select(s => RootStatement.Of(new EpochRoot((ulong)r[0], (Hash32)r[1], (Hash32)r[2], (BigInteger)r[3], (uint)r[4], (Hash32)r[5], (ulong)r[6]), (byte[])s)));
        return found;
    }

    /// <summary>The statements by which results of a use were posted.</summary>
    public async Task<IReadOnlyList<ResultStatement>> PostedResultsAsync(Hash32 request, uint use, Address runner, CancellationToken ct)
    {
        var found = new List<ResultStatement>();
        foreach (var call in await CallsAsync((await AssetAsync(asset, ct)).Grants, Grants.ResultPostedEvent.Signature,
            l => Grants.ResultPostedEvent.Decode(l) is { } posted && (posted.Request, posted.Use, posted.Runner) == (request, use, runner), Grants.Selectors.PostResult, ct))
            if (AbiCodec.Decode(PostResultType, call) is [Hash32, uint, Hash32 result, Hash32 inputs, byte[] signature])
                found.Add(new ResultStatement(request, use, result, inputs, runner, Hex.Encode(signature)));
        return found;
    }

    /// <inheritdoc/>
    /// <remarks>Shares that are still with the ledger are not on chain by owner: they are missing.</remarks>
    public async Task<BalanceInfo> BalanceAsync(Address address, Address owner, CancellationToken ct)
    {
        var token = new ShareToken(address);
        return new BalanceInfo(address, owner, new Shares((UInt128)await token.BalanceOfAsync(chain, owner, cancel: ct)), default,
            new Money((UInt128)await token.ClaimableAsync(chain, owner, cancel: ct)), new Money((UInt128)await token.DividendsPaidToAsync(chain, owner, cancel: ct)),
            default, 0, default, default);
    }

    /// <inheritdoc/>
    /// <remarks>Shares only with the lists of a node. Anybody may claim for an owner, so nothing that the owner signed is sent.</remarks>
    public async Task<BalanceInfo> ClaimAsync(Address address, ClaimRequest request, CancellationToken ct)
    {
        if (lists is null)
            Console.Error.WriteLine("trove: dividends only: who earned which shares is not on chain; name any node with --node to claim those too, its list is held against the chain");
        else
            await ClaimSharesAsync(lists, new Ledger((await AssetAsync(address, ct)).Ledger), request.Owner, ct);
        if ((await BalanceAsync(address, request.Owner, ct)).Claimable.Units > 0)
            await SendAsync("the dividend", new ShareToken(address).Claim(request.Owner), ct);
        return await BalanceAsync(address, request.Owner, ct);
    }

    /// <inheritdoc/>
    public Task<TransactionInfo> PayAsync(Address address, DividendRequest request, CancellationToken ct) => SendAsync("the dividend", AssetCalls.Dividend(address, request), ct);

    /// <summary>Puts a contribution's tombstone on the ledger.</summary>
    public async Task<TransactionInfo> WithdrawAsync(Address owner, Hash32 salt, WithdrawRequest request, CancellationToken ct) =>
        await SendAsync("the withdrawal", AssetCalls.Withdraw((await AssetAsync(asset, ct)).Ledger, owner, salt, request), ct);

    /// <summary>
    /// Moves a request's money on when its time has come, which anybody may: to the owners, or back to the buyer; then pays what waits for
    /// an account.
    /// </summary>
    /// <exception cref="CommandException">Its time has not come, and nothing waits.</exception>
    public async Task<RequestInfo> SettleAsync(Hash32 request, CancellationToken ct)
    {
        var (info, found) = (await AssetAsync(asset, ct), await RequestAsync(asset, request, ct));
        var grants = new Grants(info.Grants);
        bool moved = true;
        if (await grants.IsRefundableAsync(chain, request, cancel: ct))
            await SendAsync("the refund", grants.Refund(request), ct);
        else if (await grants.IsSettleableAsync(chain, request, cancel: ct))
            await SendAsync("the settlement", grants.Settle(request), ct);
        else
            moved = false;
        foreach (var recipient in info.Charter.Fees.Select(f => f.Recipient).Append(found.Terms.Buyer).Append(info.Timelock).Distinct())
            if (await grants.CreditOfAsync(chain, recipient, cancel: ct) > 0)
            {
                await SendAsync($"the payment to {recipient}", grants.PayCredit(recipient), ct);
                moved = true;
            }
        return moved ? await RequestAsync(asset, request, ct) : throw new CommandException($"nothing of request {request} can be moved now: {found.Meaning}", "ask again when its time has come");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        chain.Dispose();
        lists?.Dispose();
    }

    // And what others withdrew before it vested, which stands in this owner's dividends until somebody has it lapse: not as much as anybody
    // likes to withdraw, for it is this owner's gas.
    private async Task ClaimSharesAsync(TroveClient node, Ledger ledger, Address owner, CancellationToken ct)
    {
        var withdrawn = new HashSet<Hash32>();
        int lapses = MostLapses;
        if ((await AssetAsync(asset, ct)).VestingEpochs > 0)
            await FollowAsync(null, new LogFilter([ledger.Address], [Ledger.ContributionWithdrawnEvent.Signature]), withdrawn.Clear, l =>
            {
                if (Ledger.ContributionWithdrawnEvent.Decode(l.Log) is { } gone)
                    withdrawn.Add(gone.Contribution);
            }, ct);
        Hash32 previous = default;
        for (ulong number = 1, latest = await ledger.LatestEpochAsync(chain, cancel: ct); number <= latest; number++)
        {
            var root = (await ledger.EpochOfAsync(chain, number, cancel: ct)).Root;
            var epoch = Epoch.FromRewards(number, previous, [.. (await node.RewardsAsync(asset, number, ct)).Select(r => r.Reward)]);
            if (epoch.Tree.Root != root)
                throw new CommandException(string.Create(CultureInfo.InvariantCulture, $"the node at {node.Node} lists other rewards of epoch {number} than the chain has the root of"), "name another with --node");
            foreach (var mine in epoch.Leaves.Where(l => l.Owner == owner).Chunk(AssetCalls.ClaimsPerTransaction))
                if (AssetCalls.ClaimShares(ledger.Address, epoch, mine) is var call && !new Hash32(await chain.CallAsync(call, cancel: ct)).IsZero) // it returns how many are new
                    await SendAsync(string.Create(CultureInfo.InvariantCulture, $"the claim of epoch {number}"), call, ct);
            foreach (var gone in epoch.Leaves.Where(l => l.Owner != owner && withdrawn.Contains(l.Contribution)).OrderByDescending(l => l.Amount.Units).TakeWhile(_ => lapses > 0))
                if (AssetCalls.ClaimShares(ledger.Address, epoch, [gone]) is var call && !new Hash32(await chain.CallAsync(call, cancel: ct)).IsZero)
                {
                    await SendAsync(string.Create(CultureInfo.InvariantCulture, $"the lapse of what {gone.Owner} withdrew of epoch {number}"), call, ct);
                    lapses--;
                }
            previous = root;
        }
    }

    private async Task<ProposalInfo> ProposalAsync(Address address, Hash32 id, CancellationToken ct)
    {
        var info = await AssetAsync(address, ct);
        return (await BookAsync(ct)).Proposal(id) is { } found ? (await found.DescribeAsync(chain, address, info.Governor, ct)).Info
            : throw new CommandException($"there is no proposal {id} of asset {address} on this chain", "list them with 'trove proposals --direct'");
    }

    // Arguments of the calls whose transactions made some events of a contract.
    private async Task<IReadOnlyList<byte[]>> CallsAsync(Address contract, Hash32 signature, Func<Log, bool> wanted, uint selector, CancellationToken ct)
    {
        var logs = new List<Log>();
        await FollowAsync(null, new LogFilter([contract], [signature]), logs.Clear, l =>
        {
            if (wanted(l.Log))
                logs.Add(l.Log);
        }, ct);
        var calls = new List<byte[]>();
        foreach (var log in logs)
            if (await chain.GetTransactionCallAsync(log.TransactionHash, ct) is { Data.Length: > 4 } call && call.To == contract && BinaryPrimitives.ReadUInt32BigEndian(call.Data) == selector)
                calls.Add(call.Data[4..]);
        return calls;
    }

    // Requests and proposals as the chain's events tell them up to now.
    private async Task<GrantBook> BookAsync(CancellationToken ct)
    {
        var info = await AssetAsync(asset, ct);
        var at = ActionTargets.Of(info);
        _cursor = await FollowAsync(_cursor, new LogFilter([info.Grants, info.Governor], GrantEvents.Signatures), () => _book = new GrantBook(), l =>
        {
            try
            {
                if (GrantEvents.Read(l.Log, at) is var (name, data))
                    _book.Apply(new ChainEvent(l.Log.Block.Number, l.Log.Index, l.Log.Block.Hash, l.Log.TransactionHash, (long)l.Timestamp * 1000, l.Log.Address, asset, name, data));
            }
            catch (AbiException)
            {
                // Strangers write parts of some events; nodes pass over them too.
            }
        }, ct);
        return _book;
    }

    private async Task<FollowerCursor> FollowAsync(FollowerCursor? from, LogFilter filter, Action restart, Action<TimedLog> take, CancellationToken ct)
    {
        var follower = new EventFollower(chain);
        for (var cursor = from ?? FollowerCursor.StartAt(0); ;)
        {
            var batch = await follower.NextAsync(cursor, filter, ct);
            cursor = batch.Cursor;
            if (batch.RollBackFrom is not null)
            {
                restart();
                cursor = FollowerCursor.StartAt(0);
                continue;
            }
            foreach (var log in batch.Logs)
                take(log);
            if (batch.CaughtUp)
                return cursor;
        }
    }

    private async Task<long> NowAsync(CancellationToken ct) => checked((long)((await chain.GetBlockAsync(BlockTag.Latest, ct))?.Timestamp ?? 0));

    private async Task<TransactionInfo> SendAsync(string what, ContractCall call, CancellationToken ct)
    {
        var key = payer ?? throw new CommandException($"{what} is sent by an account of yours, which pays the gas", "name your key with --key");
        ulong gas;
        try
        {
            // "pending": the time of the next block, which deadlines and time locks are judged by.
            await chain.CallAsync(call, key.Address, BlockTag.Pending, ct);
            gas = await chain.EstimateGasAsync(call, key.Address, ct);
        }
        catch (RpcException e) when (e.Failure == RpcFailure.Reverted)
        {
            throw new CommandException($"the chain would refuse {what}: {e.Reason}", "look at the present state with --direct, and sign again");
        }
        var fees = await chain.SuggestFeesAsync(ct);
        if (fees.BaseFee > MaxFee)
            throw new CommandException($"gas costs {fees.BaseFee} wei by what this RPC says, and at most {MaxFee} are paid", "try again later, or name another RPC with --direct");
        var tip = UInt128.Min(fees.PriorityFee, MaxFee);
        var transaction = new Transaction
        {
            ChainId = await chain.ChainIdAsync(ct), Nonce = await chain.GetTransactionCountAsync(key.Address, BlockTag.Pending, ct),
            // Twice the base fee stays valid for six full blocks (EIP-1559: at most 12.5 % more a block).
            MaxFeePerGas = UInt128.Min(fees.BaseFee * 2 + tip, MaxFee), MaxPriorityFeePerGas = tip, GasLimit = checked(gas + gas / 10 + Relayer.LaterGas), To = call.To, Data = call.Data,
        };
        var balance = await chain.GetBalanceAsync(key.Address, cancel: ct);
        if (balance < transaction.MaxCost)
            throw new CommandException($"{key.Address} has {Ether(balance)} ether on chain {transaction.ChainId}, and {what} takes up to {Ether(transaction.MaxCost)}",
                $"send {Ether(transaction.MaxCost - balance)} ether to that account, or leave out --direct: a node of your choice (--node) pays");
        var signed = transaction.Sign(key);
        var hash = await chain.SendRawTransactionAsync(signed.Raw, ct);
        for (long since = System.Diagnostics.Stopwatch.GetTimestamp(); ; await Task.Delay(Poll, ct))
            if (await chain.GetTransactionReceiptAsync(hash, ct) is { } receipt)
            {
                if (!receipt.Success)
                    throw new CommandException($"the chain refused {what} in transaction {hash}", "look at the present state with --direct, and sign again");
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"trove: {what} is in block {receipt.Block.Number}, transaction {hash}, for {Ether(receipt.GasUsed * receipt.EffectiveGasPrice)} ether"));
                return new TransactionInfo(hash, receipt.Block.Number);
            }
            else if (System.Diagnostics.Stopwatch.GetElapsedTime(since) > Patience)
                throw new CommandException($"{what} is sent and in no block yet: transaction {hash}", "look for it in a few minutes before you send it again");
    }

    private static string Ether(UInt128 wei) => ((decimal)UInt128.Min(wei, UInt128.MaxValue >> 33) / 1e18m).ToString("0.##################", CultureInfo.InvariantCulture);
}
