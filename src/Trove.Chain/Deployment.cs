using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Chain;

/// <summary>Where Trove's contracts are on a chain.</summary>
/// <param name="TestDollar">The payment token of an embedded chain; its owner is the deployer.</param>
/// <param name="Implementations">What each asset's contracts are clones of.</param>
/// <param name="AssetFactory">Creates assets.</param>
public sealed record Deployment(Address TestDollar, AssetContracts Implementations, Address AssetFactory)
{
    private const string DollarName = nameof(Bindings.TestDollar);
    private const int MaxPolls = 600;

    /// <summary>The addresses that a fresh key's first nine transactions create.</summary>
    public static Deployment AddressesOf(Address deployer)
    {
        Address At(ulong nonce) => Transaction.CreatedContract(deployer, nonce);
        return new Deployment(At(0), new AssetContracts(At(1), At(2), At(3), At(4), At(5), At(6), At(7)), At(8));
    }

    /// <summary>
    /// Deploys what is not there yet, by the first nine transactions of <paramref name="deployer"/>. Doing it again, also
    /// after a crash in the middle, completes it and changes nothing else.
    /// </summary>
    /// <exception cref="InvalidOperationException">The key was used for something else before, or a creation failed.</exception>
    /// <exception cref="RpcException">The node failed.</exception>
    public static async Task<Deployment> DeployAsync(EthClient client, SigningKey deployer, CancellationToken cancel = default)
    {
        var planned = AddressesOf(deployer.Address);
        var clones = planned.Implementations;
        (string Name, Address At, byte[] Arguments)[] contracts =
        [
            (DollarName, planned.TestDollar, AbiCodec.Encode(AbiType.Parse("(address)"), [deployer.Address])),
            (nameof(ShareToken), clones.Token, []),
            (nameof(Registry), clones.Registry, []),
            (nameof(Ledger), clones.Ledger, []),
            (nameof(Grants), clones.Grants, []),
            (nameof(AssetGovernor), clones.Governor, []),
            (nameof(AssetTimelock), clones.Timelock, []),
            (nameof(Stakes), clones.Stakes, []),
            (nameof(Bindings.AssetFactory), planned.AssetFactory, AbiCodec.Encode(AbiType.Parse("((address,address,address,address,address,address,address))"), [clones.ToAbi()])),
        ];
        ulong chainId = await client.ChainIdAsync(cancel).ConfigureAwait(false);
        for (int i = 0; i < contracts.Length; i++)
        {
            var (name, at, arguments) = contracts[i];
            if ((await client.GetCodeAsync(at, cancel: cancel).ConfigureAwait(false)).Length > 0)
                continue;
            ulong nonce = await client.GetTransactionCountAsync(deployer.Address, cancel: cancel).ConfigureAwait(false);
            if (nonce != (ulong)i)
                throw new InvalidOperationException($"deploying {name}: {deployer.Address} has sent {nonce} transactions where {i} are expected; deploy with a fresh key");
            var fees = await client.SuggestFeesAsync(cancel).ConfigureAwait(false);
            var transaction = new Transaction
            {
                ChainId = chainId,
                Nonce = nonce,
                MaxPriorityFeePerGas = fees.PriorityFee,
                MaxFeePerGas = checked(fees.BaseFee * 2 + fees.PriorityFee),
                GasLimit = 8_000_000, // a contract at the size limit of EIP-170 takes 5.3M
                To = null,
                Data = [.. ContractArtifact.Get(name).Bytecode, .. arguments],
            };
            var hash = await client.SendRawTransactionAsync(transaction.Sign(deployer).Raw, cancel).ConfigureAwait(false);
            var receipt = await WaitAsync(client, hash, cancel).ConfigureAwait(false);
            if (!receipt.Success || receipt.ContractAddress != at)
                throw new InvalidOperationException($"deploying {name}: the creation failed (transaction {hash})");
        }
        return planned;
    }

    private static async Task<Receipt> WaitAsync(EthClient client, Hash32 hash, CancellationToken cancel)
    {
        for (int polls = 0; polls < MaxPolls; polls++)
        {
            if (await client.GetTransactionReceiptAsync(hash, cancel).ConfigureAwait(false) is { } receipt)
                return receipt;
            await Task.Delay(TimeSpan.FromSeconds(1), cancel).ConfigureAwait(false);
        }
        throw new InvalidOperationException($"transaction {hash} is in no block after {MaxPolls} s; start again, it goes on from here");
    }
}
