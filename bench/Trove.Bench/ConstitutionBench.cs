using System.Text;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Chain;

namespace Trove.Bench;

/// <summary>
/// Gas of all that owners decide and are paid by, from the receipts of an embedded chain, whole transactions with their calldata; and
/// what it costs whoever wants to burn a dollar of a node's gas, for each thing that a node pays for on a network
/// (<see cref="RelayTerms.Network"/>; specs/chain.md, "Who pays").
/// </summary>
public static class ConstitutionBench
{
    private const string Name = "Constitution";
    private const int Batch = 50;
    private const double LessEach = 0.6; // of what a ballot costs alone: the goal is 40 % less

    // Assumptions. Gas costs the most at which such a node pays at all; dearer gas it leaves to others.
    private const double EtherPrice = 3000; // USD
    private const double AccountPrice = 5;  // USD of an account on a platform with a history that verifiers attest
    private const double SharesOfAttacker = 0.1; // of what it pays in, so much comes back to it

    /// <summary>Runs it all on a fresh chain in a temporary folder.</summary>
    public static async Task<IReadOnlyList<BenchLine>> RunAsync(CancellationToken cancel = default)
    {
        var gas = await MeasureAsync(cancel).ConfigureAwait(false);
        double alone = gas["vote by signature"];
        return [
            .. gas.Select(g => g.Key.StartsWith("votes by", StringComparison.Ordinal) ? Together(g.Key, g.Value, alone) : new BenchLine("constitution", g.Key, g.Value, "gas", null, "none: gas does not depend on the machine", null, null, null)),
            .. Attacks(gas, RelayTerms.Network([])),
        ];
    }

    private static BenchLine Together(string what, double each, double alone) => new("constitution", what + ", each", each, "gas", alone, "alone", alone / each,
        what.EndsWith($" {Batch}", StringComparison.Ordinal) ? 1 / LessEach : null, what.EndsWith($" {Batch}", StringComparison.Ordinal) ? each <= alone * LessEach : null);

    // What somebody spends for good, whatever the time, for each dollar of gas that the node burns for it. What it only has to hold, shares,
    // stakes, escrow, it has again afterwards: for that a node pays nothing.
    private static IEnumerable<BenchLine> Attacks(Dictionary<string, double> gas, RelayTerms terms)
    {
        double Dollars(double used) => used * (double)terms.MaxFeePerGas / 1e18 * EtherPrice;
        double Of(string what) => Dollars(gas[what]);
        var allowance = terms.InAll!.Value;
        double Cost(UInt128 wei) => (double)wei / 1e18 * EtherPrice;
        double Allowed(bool earned, double paid) => Cost(allowance.Of(earned, Usd(paid)));
        double Carried(double claimed) => Cost(allowance.Of(Usd(claimed)));
        const double paid = 1000;
        yield return Attack("a member that contributed: all it signs, all that is handed out to it, and leaving", AccountPrice, Allowed(true, 0) + Cost(allowance.HandOuts) + Cost(allowance.Leaving));
        yield return Attack("dividends to shares that are one's own in part, and what they allow", paid * (1 - SharesOfAttacker), Allowed(false, paid) + Carried(paid * SharesOfAttacker));
        yield return Attack("an owner's claims, in the dividends that they move: others paid them, and it loses nothing", paid, Carried(paid));
        yield return Attack("dollars sent to the token plainly", (double)terms.LeastPayment.Units / 1e6 * (1 - SharesOfAttacker), Of("sync"));
    }

    private static Money Usd(double amount) => new((UInt128)(amount * 1e6));

    private static BenchLine Attack(string what, double attacker, double node) =>
        new("constitution", "1 USD of gas by " + what, Math.Round(attacker / node, 2), "USD", 1, "what the node pays", Math.Round(attacker / node, 2), 1, attacker > node);

    private static async Task<Dictionary<string, double>> MeasureAsync(CancellationToken cancel)
    {
        var keys = new List<SigningKey>();
        try
        {
            SigningKey Key()
            {
                keys.Add(SigningKey.Generate());
                return keys[^1];
            }
            var (runner, buyer) = (Key(), Key());
            var voters = Enumerable.Range(0, 64).Select(_ => Key()).ToList();
            await using var asset = await BenchAsset.FoundAsync(Name, cancel, new Rules(86400, 1, 1, 50, 1, 1),
                new Charter(600, 1, 1, 60, 86400, 1_000_000_000, 1_000_000, 0, new Standing(0, 0, 0, 0), []), runner.Address).ConfigureAwait(false);
            var (chain, client, founded, sender, salt) = (asset.Chain, asset.Client, asset.Contracts, asset.Key, asset.Salt);
            var dollar = new TestDollar(asset.PaymentToken);
            var domain = await dollar.DomainSeparatorAsync(client, cancel: cancel).ConfigureAwait(false);
            ulong id = chain.ChainId;
            var gas = new Dictionary<string, double>();
            var (ledger, token, grants, governor) = (new Ledger(founded.Ledger), new ShareToken(founded.Token), new Grants(founded.Grants), new AssetGovernor(founded.Governor));
            var (registry, stakes) = (new Registry(founded.Registry), new Stakes(founded.Stakes));

            // Everybody's first shares, so that everybody has votes and checkpoints of its own.
            var claims = voters.Append(sender).Select((v, i) => new Claim(1, (uint)i, Keccak256.Hash(v.Address.ToArray()), v.Address, BenchAsset.Share, salt)).ToArray();
            var tree = new MerkleTree(claims.Select(ContractDigests.Leaf));
            var root = new EpochRoot(1, default, tree.Root, BenchAsset.Share * claims.Length, (uint)claims.Length, salt, 1);
            await MineAsync(ledger.PostEpoch(root, [asset.Verifier.Sign(ContractDigests.EpochRoot(id, ledger.Address, root))])).ConfigureAwait(false);
            gas["claim of a new owner"] = await MineAsync(ledger.Claim(claims[^1], tree.Proof(claims.Length - 1))).ConfigureAwait(false);
            gas[$"claimMany by {Batch}, each"] = Math.Round((double)await MineAsync(ledger.ClaimMany(claims[..Batch], tree.RangeProof(0, Batch))).ConfigureAwait(false) / Batch);
            await MineAsync(ledger.ClaimMany(claims[Batch..^1], tree.RangeProof(Batch, claims.Length - 1 - Batch))).ConfigureAwait(false);
            await MineAsync(grants.TakeSnapshot()).ConfigureAwait(false);
            foreach (var rich in new[] { buyer, runner, sender })
                await MineAsync(dollar.Mint(rich.Address, 1_000_000_000)).ConfigureAwait(false);
            gas["deposit a stake"] = await MineAsync(stakes.Deposit(runner.Address, 2_000_000, 0, Later(), salt, Pay(runner, stakes.Address, 2_000_000, salt))).ConfigureAwait(false);

            // A request, and the vote on it.
            var (terms, code) = Ask(200);
            var request = ContractDigests.RequestId(id, grants.Address, terms);
            gas["request, 200 bytes"] = await MineAsync(Request(terms, code)).ConfigureAwait(false);
            var approve = grants.Approve(request);
            string description = ContractDigests.RequestDescription(request);
            var (proposal, hash) = (ContractDigests.RequestProposal(grants.Address, request), Keccak256.Hash(Encoding.UTF8.GetBytes(description)));
            gas["propose a request"] = await MineAsync(governor.Propose([approve.To], [0], [approve.Data], description)).ConfigureAwait(false);
            var other = registry.SetRunners([runner.Address]);
            ulong deadline = Later();
            gas["propose by signature"] = await MineAsync(governor.ProposeBySig([other.To], [0], [other.Data], "Runners", voters[63].Address, deadline,
                voters[63].Sign(ContractDigests.Propose(id, governor.Address, ContractDigests.ProposalId(other, "Runners"), voters[63].Address, deadline)))).ConfigureAwait(false);

            byte[] Ballot(SigningKey voter) => voter.Sign(ContractDigests.Ballot(id, governor.Address, proposal, 1, voter.Address, ContractDigests.BallotNonce(proposal)));
            ContractCall Alone(SigningKey voter) => governor.CastVoteBySig(ContractDigests.ToInteger(proposal), 1, voter.Address, Ballot(voter));
            async Task<double> EachAsync(int first, int count) => Math.Round((double)await MineAsync(governor.CastVotesBySig(ContractDigests.ToInteger(proposal),
                [.. voters.Skip(first).Take(count).Select(v => ContractDigests.Compact(v.Address, 1, Ballot(v)))])).ConfigureAwait(false) / count);
            await MineAsync(Alone(voters[0])).ConfigureAwait(false); // the first begins the count and reaches the quorum, which each before it looks for: the cheapest there is alone
            gas["vote by signature"] = await MineAsync(Alone(voters[1])).ConfigureAwait(false);
            gas["votes by 10"] = await EachAsync(2, 10).ConfigureAwait(false);
            gas[$"votes by {Batch}"] = await EachAsync(12, Batch).ConfigureAwait(false);
            await PassAsync(86400 + 1).ConfigureAwait(false);
            gas["queue"] = await MineAsync(governor.Queue([approve.To], [0], [approve.Data], hash)).ConfigureAwait(false);
            await PassAsync(2).ConfigureAwait(false);
            gas["execute"] = await MineAsync(governor.Execute([approve.To], [0], [approve.Data], hash)).ConfigureAwait(false);

            // A use, and its money.
            gas["openUse"] = await MineAsync(grants.OpenUse(request, 1, salt, 1, runner.Address, runner.Sign(ContractDigests.OpenUse(id, grants.Address, request, 1, salt, 1, runner.Address)))).ConfigureAwait(false);
            gas["postResult"] = await MineAsync(grants.PostResult(request, 1, salt, salt, runner.Sign(ContractDigests.Result(id, grants.Address, request, 1, salt, salt, runner.Address)))).ConfigureAwait(false);
            await PassAsync(61).ConfigureAwait(false);
            gas["settle"] = await MineAsync(grants.Settle(request)).ConfigureAwait(false);
            gas["claim a dividend"] = await MineAsync(token.Claim(voters[0].Address)).ConfigureAwait(false);

            // What else members and buyers have a node send.
            gas["pay a dividend"] = await MineAsync(token.DistributeWithAuthorization(buyer.Address, 1_000_000, 0, Later(), salt, Pay(buyer, token.Address, 1_000_000, salt))).ConfigureAwait(false);
            gas["delegate by signature"] = await MineDelegationAsync().ConfigureAwait(false);
            deadline = Later();
            gas["withdraw a contribution"] = await MineAsync(ledger.Withdraw(voters[0].Address, salt, deadline,
                voters[0].Sign(ContractDigests.Withdraw(id, ledger.Address, voters[0].Address, ContractDigests.Contribution(id, ledger.Address, voters[0].Address, salt), deadline)))).ConfigureAwait(false);
            (terms, code) = Ask(1024);
            gas["request, 1,024 bytes"] = await MineAsync(Request(terms, code)).ConfigureAwait(false);
            var asked = terms;
            (terms, code) = Ask(1);
            gas["another request, 1 byte"] = await MineAsync(Request(terms, code)).ConfigureAwait(false); // while another waits: the cheapest
            await MineAsync(dollar.Mint(token.Address, 1_000_000)).ConfigureAwait(false);
            gas["sync"] = await MineAsync(token.Sync()).ConfigureAwait(false);
            await PassAsync(30 * 86400).ConfigureAwait(false);
            gas["refund"] = await MineAsync(grants.Refund(ContractDigests.RequestId(id, grants.Address, asked))).ConfigureAwait(false);
            gas["pay credit"] = await MineAsync(grants.PayCredit(buyer.Address)).ConfigureAwait(false);
            deadline = Later();
            gas["unstake"] = await MineAsync(stakes.Unstake(runner.Address, 1_000_000, deadline, runner.Sign(ContractDigests.Unstake(id, stakes.Address, runner.Address, 1_000_000, deadline)))).ConfigureAwait(false);
            await PassAsync(91 * 86400).ConfigureAwait(false);
            gas["withdraw a stake"] = await MineAsync(stakes.Withdraw(runner.Address)).ConfigureAwait(false);
            return gas;

            ulong Later() => chain.Head.Timestamp + 86400;

            byte[] Pay(SigningKey from, Address to, UInt128 amount, Hash32 under) => from.Sign(ContractDigests.ReceiveWithAuthorization(domain, from.Address, to, amount, Later(), under));

            (Terms Terms, byte[] Code) Ask(int length)
            {
                var text = Encoding.ASCII.GetBytes(new string('Q', length));
                var kind = new byte[Hash32.Size];
                "comment"u8.CopyTo(kind);
                return (new Terms(buyer.Address, salt, 1, [new Hash32(kind)], 0, 9999, 1, Keccak256.Hash(text), 1, 1_000_000, 1_000_000, 1, chain.Head.Timestamp + 10 * 86400, Keccak256.Hash(BitConverter.GetBytes(chain.Head.Number))), text);
            }

            ContractCall Request(Terms t, byte[] text) => grants.Request(t, text, Later(), Pay(buyer, grants.Address, 1_000_000, ContractDigests.RequestId(id, grants.Address, t)));

            async Task<ulong> MineDelegationAsync()
            {
                ulong expiry = Later();
                var signature = voters[62].Sign(ContractDigests.Delegation(id, token.Address, Name, voters[0].Address, 0, expiry));
                return await MineAsync(token.DelegateBySig(voters[0].Address, 0, expiry, signature[64], new Hash32(signature.AsSpan(0, 32)), new Hash32(signature.AsSpan(32, 32)))).ConfigureAwait(false);
            }

            Task PassAsync(long seconds) => chain.AdvanceToAsync(DateTimeOffset.FromUnixTimeSeconds((long)chain.Head.Timestamp + seconds), cancel);

            Task<ulong> MineAsync(ContractCall call) => asset.SendAsync(call, cancel);
        }
        finally
        {
            keys.ForEach(k => k.Dispose());
        }
    }
}
