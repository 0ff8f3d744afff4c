using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Chain.Replay;

/// <summary>Something that the events say and the contract does not.</summary>
/// <param name="What">Contract and what of it.</param>
/// <param name="Events">As the events have it.</param>
/// <param name="Contract">As the contract has it.</param>
public sealed record AuditDifference(string What, string Events, string Contract);

/// <summary>What an audit found.</summary>
/// <param name="Block">The block it is about.</param>
/// <param name="Events">Events read up to it.</param>
/// <param name="Compared">Things compared.</param>
/// <param name="Differences">What differs; the first hundred.</param>
public sealed record AuditResult(ulong Block, long Events, int Compared, IReadOnlyList<AuditDifference> Differences);

/// <summary>Holds an asset's contracts against their own events: every view of them, for everybody named in an event.</summary>
public static class AssetAudit
{
    private const int MaxDifferences = 100;
    private const int AtOnce = 8;

    private sealed record Check(string What, object? Events, Func<CancellationToken, Task<object?>> Contract);

    /// <summary>Compares at the last block that was replayed.</summary>
    /// <param name="chain">The chain.</param>
    /// <param name="replay">The state of its events.</param>
    /// <param name="report">Told how many things were compared, of how many.</param>
    /// <param name="cancel">Stops.</param>
    /// <exception cref="RpcException">The chain cannot be read, or keeps no state of that block any more.</exception>
    public static async Task<AuditResult> CompareAsync(EthClient chain, AssetReplay replay, Action<int, int>? report = null, CancellationToken cancel = default)
    {
        var checks = Checks(chain, replay).ToList();
        var differences = new List<AuditDifference>();
        int done = 0;
        await Parallel.ForEachAsync(checks, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (check, ct) =>
        {
            var (events, contract) = (Text(check.Events), Text(await check.Contract(ct).ConfigureAwait(false)));
            lock (differences)
            {
                if (events != contract && differences.Count < MaxDifferences)
                    differences.Add(new AuditDifference(check.What, events, contract));
                report?.Invoke(++done, checks.Count);
            }
        }).ConfigureAwait(false);
        return new AuditResult(replay.Block, replay.Events, checks.Count, [.. differences.OrderBy(d => d.What, StringComparer.Ordinal)]);
    }

    private static IEnumerable<Check> Checks(EthClient chain, AssetReplay r)
    {
        var at = BlockTag.At(r.Block);
        return [.. OfToken(chain, r, at), .. OfLedger(chain, r, at), .. OfRegistry(chain, r, at), .. OfGovernor(chain, r, at), .. OfTimelock(chain, r, at), .. OfGrants(chain, r, at), .. OfStakes(chain, r, at)];
    }

    private static IEnumerable<Check> OfToken(EthClient chain, AssetReplay r, BlockTag at)
    {
        var (contract, s, p) = (new ShareToken(r.Created!.Asset), r.Token, r.Created.Params);
        yield return Of("name of the token", p.Name, c => contract.NameAsync(chain, at, c));
        yield return Of("symbol of the token", p.Symbol, c => contract.SymbolAsync(chain, at, c));
        yield return Of("payment token", p.PaymentToken, c => contract.PaymentTokenAsync(chain, at, c));
        yield return Of("shares", s.TotalSupply, c => contract.TotalSupplyAsync(chain, at, c));
        yield return Of("owners", s.Holders, c => contract.HoldersAsync(chain, at, c));
        yield return Of("dividends of a share", s.Accumulator, c => contract.AccumulatorAsync(chain, at, c));
        yield return Of("dividends received", s.DividendsReceived, c => contract.DividendsReceivedAsync(chain, at, c));
        yield return Of("dividends paid", s.DividendsPaid, c => contract.DividendsPaidAsync(chain, at, c));
        foreach (var account in s.Accounts)
        {
            yield return Of($"shares of {account}", s.BalanceOf(account), c => contract.BalanceOfAsync(chain, account, at, c));
            yield return Of($"votes of {account}", s.VotesOf(account), c => contract.GetVotesAsync(chain, account, at, c));
            yield return Of($"delegate of {account}", s.DelegateOf(account), c => contract.DelegatesAsync(chain, account, at, c));
            yield return Of($"dividends paid to {account}", s.PaidTo(account), c => contract.DividendsPaidToAsync(chain, account, at, c));
            if (account != r.Created.Contracts.Ledger)
                yield return Of($"dividends that wait for {account}", s.ClaimableBy(account), c => contract.ClaimableAsync(chain, account, at, c));
        }
    }

    private static IEnumerable<Check> OfLedger(EthClient chain, AssetReplay r, BlockTag at)
    {
        var (contract, s, p) = (new Ledger(r.Created!.Contracts.Ledger), r.Ledger, r.Created.Params);
        yield return Of("most shares of an epoch", p.EpochCap, c => contract.EpochCapAsync(chain, at, c));
        yield return Of("epochs of vesting", p.VestingEpochs, c => contract.VestingEpochsAsync(chain, at, c));
        yield return Of("latest epoch", s.LatestEpoch, c => contract.LatestEpochAsync(chain, at, c));
        yield return Of("leaves", s.TotalLeaves, c => contract.TotalLeavesAsync(chain, at, c));
        foreach (var (i, epoch) in s.Epochs.Index())
            yield return Of($"epoch {i + 1}", epoch.ToAbi(), async c => (await contract.EpochOfAsync(chain, (ulong)i + 1, at, c).ConfigureAwait(false)).ToAbi());
        foreach (var ((epoch, index), steps) in s.Steps)
            yield return Of($"steps of leaf {index} of epoch {epoch}", steps, c => contract.StepsOfAsync(chain, epoch, index, at, c));
        foreach (var (contribution, second) in s.Withdrawals)
            yield return Of($"withdrawal of {contribution}", second, c => contract.WithdrawnAtAsync(chain, contribution, at, c));
    }

    private static IEnumerable<Check> OfRegistry(EthClient chain, AssetReplay r, BlockTag at)
    {
        var (contract, s) = (new Registry(r.Created!.Contracts.Registry), r.Registry);
        yield return Of("recipient", r.Created.Params.Recipient, c => contract.RecipientAsync(chain, at, c));
        yield return Of("controller", s.Controller, c => contract.ControllerAsync(chain, at, c));
        yield return Of("custody", s.Custody.ToAbi(), async c => (await contract.CustodyAsync(chain, at, c).ConfigureAwait(false)).ToAbi());
        yield return Of("committee", s.CommitteeEpoch, c => contract.CommitteeEpochAsync(chain, at, c));
        yield return Of("transcript", s.Transcript, c => contract.TranscriptAsync(chain, at, c));
        yield return Of("invitation", Items(s.Invitation), async c => Items(await contract.InvitationAsync(chain, at, c).ConfigureAwait(false)));
        yield return Of("pause", s.PausedUntil, c => contract.PausedUntilAsync(chain, at, c));
        yield return Of("version of the verifiers", s.VerifierSets.Count, c => contract.VerifierSetVersionAsync(chain, at, c));
        yield return Of("version of the policy", s.Policies.Count, c => contract.PolicyVersionAsync(chain, at, c));
        foreach (var (i, set) in s.VerifierSets.Index())
            yield return Of($"verifiers {i + 1}", set.ToAbi(), async c => (await contract.VerifierSetAsync(chain, (ulong)i + 1, at, c).ConfigureAwait(false)).ToAbi());
        foreach (var (i, policy) in s.Policies.Index())
            yield return Of($"policy {i + 1}", policy, c => contract.PolicyHashAtAsync(chain, (ulong)i + 1, at, c));
        foreach (var runner in s.Custody.Runners)
            yield return Of($"runner {runner}", true, c => contract.IsRunnerAsync(chain, runner, at, c));

        static object?[] Items((IReadOnlyList<Address> Guardians, uint Threshold) invitation) => [.. invitation.Guardians, invitation.Threshold];
    }

    private static IEnumerable<Check> OfGovernor(EthClient chain, AssetReplay r, BlockTag at)
    {
        var (contract, s, g) = (new AssetGovernor(r.Created!.Contracts.Governor), r.Governor, r.Created.Params.Governance);
        yield return Of("owners it takes", g.MinimumOwners, c => contract.MinimumOwnersAsync(chain, at, c));
        yield return Of("timelock of the governor", s.Timelock, c => contract.TimelockAsync(chain, at, c));
        yield return Of("extension of votes", s.VoteExtension, c => contract.LateQuorumVoteExtensionAsync(chain, at, c));
        yield return Of("version of the rules", s.RulesVersion, c => contract.RulesVersionAsync(chain, at, c));
        foreach (var (i, rules) in s.Rules.Index())
            yield return Of($"rules of class {i}", rules.ToAbi(), async c => (await contract.RulesOfAsync(chain, (byte)i, at, c).ConfigureAwait(false)).ToAbi());
        foreach (var (id, p) in s.Proposals)
        {
            yield return Of($"proposer of {id}", p.Proposer, c => contract.ProposalProposerAsync(chain, id, at, c));
            yield return Of($"snapshot of {id}", p.Snapshot, c => contract.ProposalSnapshotAsync(chain, id, at, c));
            yield return Of($"deadline of {id}", p.Deadline, c => contract.ProposalDeadlineAsync(chain, id, at, c));
            yield return Of($"time of {id}", p.Eta, c => contract.ProposalEtaAsync(chain, id, at, c));
            yield return Of($"was {id} carried out", p.Executed, async c => await contract.StateAsync(chain, id, at, c).ConfigureAwait(false) == 7);
            yield return Of($"votes on {id}", new object[] { p.Votes.Against, p.Votes.For, p.Votes.Abstain }, async c =>
                await contract.ProposalVotesAsync(chain, id, at, c).ConfigureAwait(false) is var (against, @for, abstain) ? new object[] { against, @for, abstain } : null);
            foreach (var voter in p.Voters)
                yield return Of($"vote of {voter} on {id}", true, c => contract.HasVotedAsync(chain, id, voter, at, c));
        }
    }

    private static IEnumerable<Check> OfTimelock(EthClient chain, AssetReplay r, BlockTag at)
    {
        var (contract, s) = (new AssetTimelock(r.Created!.Contracts.Timelock), r.Timelock);
        foreach (var (id, time) in s.Operations)
            yield return Of($"operation {id}", time, c => contract.GetTimestampAsync(chain, id, at, c));
        foreach (var ((role, account), given) in s.Roles)
            yield return Of($"role {role} of {account}", given, c => contract.HasRoleAsync(chain, role, account, at, c));
    }

    private static IEnumerable<Check> OfGrants(EthClient chain, AssetReplay r, BlockTag at)
    {
        var (contract, s) = (new Grants(r.Created!.Contracts.Grants), r.Grants);
        yield return Of("charter", s.Charter?.ToAbi(), async c => (await contract.CharterAsync(chain, at, c).ConfigureAwait(false)).ToAbi());
        yield return Of("snapshot", s.SnapshotEpoch, c => contract.SnapshotEpochAsync(chain, at, c));
        yield return Of("leaves of the snapshot", s.SnapshotLeaves, c => contract.SnapshotLeavesAsync(chain, at, c));
        yield return Of("period", s.PeriodStart, c => contract.PeriodStartAsync(chain, at, c));
        yield return Of("epsilon spent", s.Spent, c => contract.SpentAsync(chain, at, c));
        yield return Of("uses of the standing offer", s.StandingUses, c => contract.StandingUsesAsync(chain, at, c));
        yield return Of("escrow", s.Escrowed, c => contract.EscrowedAsync(chain, at, c));
        yield return Of("credits", s.Credited, c => contract.CreditedAsync(chain, at, c));
        foreach (var (epoch, second) in s.Snapshots)
            yield return Of($"snapshot of epoch {epoch}", second, c => contract.SnapshotAtAsync(chain, epoch, at, c));
        foreach (var (id, grant) in s.Requests)
        {
            yield return Of($"request {id}", grant.ToAbi(), async c => (await contract.GrantOfAsync(chain, id, at, c).ConfigureAwait(false)).ToAbi());
            yield return Of($"result of {id}", s.PostingOf(id).ToAbi(), async c => (await contract.PostingOfAsync(chain, id, at, c).ConfigureAwait(false)).ToAbi());
        }
        foreach (var recipient in s.Recipients)
            yield return Of($"credit of {recipient}", s.CreditOf(recipient), c => contract.CreditOfAsync(chain, recipient, at, c));
        foreach (var runner in s.Runners)
            yield return Of($"stake of {runner} that uses hang on", s.AtRisk(runner), c => contract.AtRiskAsync(chain, runner, at, c));
    }

    private static IEnumerable<Check> OfStakes(EthClient chain, AssetReplay r, BlockTag at)
    {
        var (contract, s) = (new Stakes(r.Created!.Contracts.Stakes), r.Stakes);
        yield return Of("money of the stakes", s.Held, c => contract.HeldAsync(chain, at, c));
        yield return Of("number of slashings", s.Slashings.Count, c => contract.SlashingsAsync(chain, at, c));
        foreach (var account in s.Accounts)
            yield return Of($"stake of {account}", s.StakeOf(account).ToAbi(), async c => (await contract.StakeOfAsync(chain, account, at, c).ConfigureAwait(false)).ToAbi());
        foreach (var (i, slashing) in s.Slashings.Index())
            yield return Of($"slashing {i}", slashing.ToAbi(), async c => (await contract.SlashingOfAsync(chain, i, at, c).ConfigureAwait(false)).ToAbi());
    }

    private static Check Of<T>(string what, object? events, Func<CancellationToken, Task<T>> contract) =>
        new(what, events, async ct => await contract(ct).ConfigureAwait(false));

    private static string Text(object? value) => value is object?[] items ? $"({string.Join(", ", items.Select(Text))})" : FormattableString.Invariant($"{value}");
}
