using System.Numerics;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Node.Api;
using Trove.Node.Chain;
using Trove.Node.Protocol;

namespace Trove.Node.Requests;

/// <summary>
/// Casts ballots. The first on a proposal is sent at once; those that come while it is under way are sent together in the next
/// transaction, so that nobody waits longer than one transaction and fifty cost the gas of nineteen. Nothing is kept here: who was
/// not answered asks the chain, or votes again and hears that it has voted.
/// </summary>
public sealed class BallotBox(ChainConnection connection, ChainRelay relay)
{
    /// <summary>Most ballots of one transaction: some two million gas.</summary>
    public const int Most = 50;

    /// <summary>Most ballots on one proposal that wait.</summary>
    public const int MostWaiting = 1000;

    private readonly Lock _gate = new();
    private readonly Dictionary<(Address Governor, Hash32 Proposal), List<Waiting>> _boxes = [];

    /// <summary>Casts a ballot whose signature, of 65 bytes, was checked; the transaction and block that count it.</summary>
    /// <param name="voter">Who votes and whose gas it is.</param>
    /// <param name="ct">Ends the wait; the ballot is cast.</param>
    /// <exception cref="ApiException">The governor does not count it, or the relayer does not pay for it.</exception>
    public Task<TransactionInfo> CastAsync(Address governor, Hash32 proposal, Beneficiary voter, byte support, byte[] signature, CancellationToken ct)
    {
        var waiting = new Waiting(voter, support, signature);
        lock (_gate)
        {
            if (!_boxes.TryGetValue((governor, proposal), out var box))
            {
                _boxes[(governor, proposal)] = [waiting];
                _ = Task.Run(() => EmptyAsync(governor, proposal), CancellationToken.None);
            }
            else if (box.Count < MostWaiting)
                box.Add(waiting);
            else
                throw new ApiException(503, "relayer-busy", $"{MostWaiting} ballots on {proposal} are waiting", "try again in a moment");
        }
        return waiting.Done.Task.WaitAsync(ct);
    }

    private async Task EmptyAsync(Address governor, Hash32 proposal)
    {
        while (true)
        {
            List<Waiting> batch;
            lock (_gate)
            {
                var box = _boxes[(governor, proposal)];
                if (box.Count == 0)
                {
                    _boxes.Remove((governor, proposal));
                    return;
                }
                // One of each voter; another goes with the next, and is told that it is the second.
                batch = [.. box.DistinctBy(b => b.Voter).Take(Most)];
                box.RemoveAll(batch.Contains);
            }
            try
            {
                await SendAsync(new AssetGovernor(governor), ContractDigests.ToInteger(proposal), batch);
            }
            catch (Exception e) // the answer of all who have none yet
            {
                batch.ForEach(b => b.Done.TrySetException(e));
            }
        }
    }

    private async Task SendAsync(AssetGovernor governor, BigInteger proposal, List<Waiting> batch)
    {
        await DropUnpaidAsync(batch);
        if (batch.Count == 0)
            return;
        if (await CountAsync(governor, proposal, batch) < batch.Count)
        {
            foreach (var b in batch) // which, and why
                await AnswerFailureAsync(b, () => RequireCountedAsync(governor, proposal, b));
            batch.RemoveAll(b => b.Done.Task.IsCompleted);
        }
        if (batch.Count == 0)
            return;
        Receipt receipt;
        try
        {
            receipt = await relay.SendAsync([.. batch.Select(b => b.Payer)], "vote", Call(governor, proposal, batch), CancellationToken.None);
        }
        catch (ApiException e) when (e.Code == "gas-budget" && batch.Count > 1)
        {
            // One of them may have used up its own while they waited, and holds up nobody else; or it is that of all.
            int before = batch.Count;
            await DropUnpaidAsync(batch);
            if (batch.Count == before)
                throw;
            await SendAsync(governor, proposal, batch);
            return;
        }
        var counted = receipt.Logs.Where(l => l.Address == governor.Address).Select(AssetGovernor.VoteCastEvent.Decode).Where(e => e?.ProposalId == proposal).Select(e => e!.Voter).ToHashSet();
        foreach (var b in batch)
            if (counted.Contains(b.Voter))
                b.Done.TrySetResult(new TransactionInfo(receipt.TransactionHash, receipt.Block.Number));
            else
                b.Done.TrySetException(Refused($"{b.Voter} has voted by another ballot, which was faster"));
    }

    private async Task DropUnpaidAsync(List<Waiting> batch)
    {
        foreach (var b in batch)
            await AnswerFailureAsync(b, () => relay.RequireBudgetAsync(b.Payer, "vote", CancellationToken.None));
        batch.RemoveAll(b => b.Done.Task.IsCompleted);
    }

    // A vote that is over refuses the whole call: then each is told so.
    private async Task<int> CountAsync(AssetGovernor governor, BigInteger proposal, List<Waiting> batch)
    {
        try
        {
            return (int)new BigInteger(await connection.Client.CallAsync(Call(governor, proposal, batch), at: BlockTag.Pending), isUnsigned: true, isBigEndian: true);
        }
        catch (RpcException e) when (e.Failure == RpcFailure.Reverted)
        {
            return 0;
        }
    }

    private async Task RequireCountedAsync(AssetGovernor governor, BigInteger proposal, Waiting b)
    {
        try
        {
            await connection.Client.CallAsync(governor.CastVoteBySig(proposal, b.Support, b.Voter, b.Signature), at: BlockTag.Pending);
        }
        catch (RpcException e) when (e.Failure == RpcFailure.Reverted)
        {
            throw Refused(e.Reason);
        }
    }

    private static async Task AnswerFailureAsync(Waiting b, Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (ApiException e)
        {
            b.Done.TrySetException(e);
        }
    }

    private static ContractCall Call(AssetGovernor governor, BigInteger proposal, List<Waiting> batch) =>
        governor.CastVotesBySig(proposal, [.. batch.Select(b => ContractDigests.Compact(b.Voter, b.Support, b.Signature))]);

    private static ApiException Refused(string reason) =>
        new(409, "reverted", $"the chain would refuse the vote: {reason}", "look at the asset's present state, correct the request and sign again");

    private sealed record Waiting(Beneficiary Payer, byte Support, byte[] Signature)
    {
        public Address Voter => Payer.Account;

        public TaskCompletionSource<TransactionInfo> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        // Each is itself: two equal ones are two that wait.
        public bool Equals(Waiting? other) => ReferenceEquals(this, other);

        public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
    }
}
