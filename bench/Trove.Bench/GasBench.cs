using System.Globalization;
using System.Numerics;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Embedded;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Bench;

/// <summary>
/// Gas per contribution, from the receipts of an embedded chain: posting an epoch, and claiming its shares one by one and
/// many at once, every owner receiving shares for the first time (the dearest case). Gas is the same on every machine, so
/// there is no peer; where the design sets a limit, it stands in the peer's place.
/// </summary>
public static class GasBench
{
    private const double PostingLimit = 1000; // gas per contribution at 1000, DESIGN "On chain"
    private const int OneByOne = 20;          // claims measured one by one; all cost the same but for their proof's length
    private const int Batch = 100;            // of claimMany: what fits a block of 30M gas

    private static readonly BigInteger Share = BigInteger.Pow(10, 18);

    /// <summary>Runs all sizes on one fresh chain in a temporary folder.</summary>
    public static async Task<IReadOnlyList<BenchLine>> RunAsync(CancellationToken cancel = default)
    {
        var folder = Directory.CreateTempSubdirectory("trove-gas-").FullName;
        try
        {
            using var key = SigningKey.Generate();
            using var verifier = SigningKey.Generate();
            await using var chain = await EmbeddedChain.StartAsync(folder, [key.Address], TimeProvider.System, NullLogger.Instance, cancel).ConfigureAwait(false);
            using var proxy = new EthProxy(chain);
            using var client = EthProxyHandler.CreateClient(proxy);
            var contracts = await Deployment.DeployAsync(client, key, cancel).ConfigureAwait(false);
            var factory = new AssetFactory(contracts.AssetFactory);
            var salt = Keccak256.Hash("gas"u8);
            var founded = await factory.PredictAsync(client, key.Address, salt, cancel: cancel).ConfigureAwait(false);
            var custody = new Custody([verifier.Address], [salt], [salt], 1, []);
            var rules = new Rules(1, 1, 0, 50, 1, 0);
            var confirmation = verifier.Sign(CommitteeConfirmation.Digest(chain.ChainId, founded.Registry, new Core.Ceremonies.Committee(1, (int)custody.Threshold, custody.Guardians), custody.Commitments, custody.OprfCommitments, salt, salt));
            await SendAsync(factory.Create(new AssetParams("Gas", "GAS", salt, contracts.TestDollar, salt, salt, Share * 1_000_000, 0, [verifier.Address], [salt], 1,
                custody, new Governance(0, 1, 0, rules, rules, rules), new Charter(1, 1, 1, 0, 1, 0, 0, 0, new Standing(0, 0, 0, 0), [])), new Ceremony(salt, [confirmation]))).ConfigureAwait(false);
            var ledger = new Ledger(founded.Ledger);

            var lines = new List<BenchLine>();
            var previous = default(Hash32);
            ulong epoch = 0;
            foreach (int size in new[] { 1, 10, 100, 1000 })
            {
                epoch++;
                var claims = Enumerable.Range(0, size).Select(i => Claim(epoch, i)).ToArray();
                var tree = new MerkleTree(claims.Select(ContractDigests.Leaf));
                var root = new EpochRoot(epoch, previous, tree.Root, Share * size, (uint)size, salt, 1);
                previous = tree.Root;
                ulong posting = await SendAsync(ledger.PostEpoch(root, [verifier.Sign(ContractDigests.EpochRoot(chain.ChainId, ledger.Address, root))])).ConfigureAwait(false);
                lines.Add(Line($"posting, epoch of {size}", (double)posting / size, size == 1000 ? PostingLimit : null));

                int single = Math.Min(OneByOne, (size + 1) / 2);
                ulong claiming = 0;
                for (int i = 0; i < single; i++)
                    claiming += await SendAsync(ledger.Claim(claims[i], tree.Proof(i))).ConfigureAwait(false);
                lines.Add(Line($"claim one by one, epoch of {size}", (double)claiming / single, null));
                if (single == size)
                    continue;
                claiming = 0;
                foreach (var batch in Enumerable.Range(single, size - single).Chunk(Batch))
                    claiming += await SendAsync(ledger.ClaimMany([.. batch.Select(i => claims[i])], tree.RangeProof(batch[0], batch.Length))).ConfigureAwait(false);
                lines.Add(Line($"claimMany by {Math.Min(Batch, size - single)}, epoch of {size}", (double)claiming / (size - single), null));
            }
            return lines;

            async Task<ulong> SendAsync(ContractCall call)
            {
                ulong nonce = await client.GetTransactionCountAsync(key.Address, cancel: cancel).ConfigureAwait(false);
                var fees = await client.SuggestFeesAsync(cancel).ConfigureAwait(false);
                var transaction = new Transaction
                {
                    ChainId = chain.ChainId,
                    Nonce = nonce,
                    MaxPriorityFeePerGas = 1,
                    MaxFeePerGas = fees.BaseFee * 2 + 1,
                    GasLimit = chain.Head.GasLimit,
                    To = call.To,
                    Data = call.Data,
                };
                var receipt = await chain.SubmitAsync(transaction.Sign(key).Raw, cancel).ConfigureAwait(false);
                return receipt.Success ? receipt.GasUsed : throw new InvalidOperationException("gas bench: a call reverted");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Claim Claim(ulong epoch, int index)
    {
        var id = Keccak256.Hash(System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{epoch}/{index}")));
        return new Claim(epoch, (uint)index, id, new Address(id.ToArray().AsSpan(12)), Share, id);
    }

    private static BenchLine Line(string what, double gas, double? limit) => new("gas", what, Math.Round(gas), "gas", limit,
        limit is null ? "none: gas does not depend on the machine" : "the design's limit", limit / gas, limit is null ? null : 1, limit is null ? null : gas <= limit);
}
