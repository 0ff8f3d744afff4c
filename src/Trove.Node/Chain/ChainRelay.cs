using Dapper;
using Microsoft.Extensions.Logging;
using Trove.Chain;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Node.Chain;

/// <summary>
/// Pays members' gas for the calls Trove is made of: simulated first, bounded in gas and per beneficiary and day,
/// journaled before it is broadcast, one after the other.
/// </summary>
public sealed class ChainRelay(ChainConnection connection, NodeDatabase database, SigningKey key, ILogger<ChainRelay> log)
{
    private const ulong MaxGas = 15_000_000;
    private const long GasPerBeneficiaryAndDay = 200_000_000;
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>Who signs and pays.</summary>
    public Address Address => key.Address;

    /// <summary>Has a call mined; its transaction and block.</summary>
    /// <exception cref="ApiException">The contract refuses it, or the budget is spent.</exception>
    public async Task<TransactionInfo> SendAsync(Address beneficiary, string purpose, ContractCall call, CancellationToken ct)
    {
        await _one.WaitAsync(ct);
        try
        {
            ulong gas = await EstimateAsync(call, ct);
            await CheckBudgetAsync(beneficiary, gas, ct);
            var receipt = await SubmitAsync(beneficiary, purpose, call.To, call.Data, gas, ct);
            if (!receipt.Success)
                throw new ApiException(409, "reverted", $"the chain refused {purpose} in transaction {receipt.TransactionHash}", "look at the asset's present state and try again");
            log.LogInformation("{Purpose} for {Beneficiary} is mined in block {Block} with {Gas} gas", purpose, beneficiary, receipt.Block.Number, receipt.GasUsed);
            return new TransactionInfo(receipt.TransactionHash, receipt.Block.Number);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Creates a contract, unless its address has code already; the address.</summary>
    public async Task<Address> CreateAsync(string purpose, ulong nonce, byte[] code, CancellationToken ct)
    {
        var address = Transaction.CreatedContract(key.Address, nonce);
        if ((await connection.Client.GetCodeAsync(address, cancel: ct)).Length > 0)
            return address;
        ulong next = await connection.Client.GetTransactionCountAsync(key.Address, cancel: ct);
        if (next != nonce)
            throw new InvalidOperationException($"the relayer's account {key.Address} was used before Trove's contracts were there (nonce {next}, expected {nonce}): name deployed contracts with --factory and --payment-token");
        var receipt = await SubmitAsync(key.Address, purpose, null, code, MaxGas, ct);
        return receipt.Success ? address : throw new InvalidOperationException($"{purpose} failed in transaction {receipt.TransactionHash}");
    }

    private async Task<Receipt> SubmitAsync(Address beneficiary, string purpose, Address? to, byte[] data, ulong gas, CancellationToken ct)
    {
        var fees = await connection.Client.SuggestFeesAsync(ct);
        ulong nonce = await connection.Client.GetTransactionCountAsync(key.Address, BlockTag.Pending, ct);
        var signed = new Transaction
        {
            ChainId = connection.ChainId,
            Nonce = nonce,
            MaxPriorityFeePerGas = fees.PriorityFee,
            MaxFeePerGas = 2 * fees.BaseFee + fees.PriorityFee,
            GasLimit = gas,
            To = to,
            Data = data,
        }.Sign(key);
        await using (var db = await database.Source.OpenConnectionAsync(ct))
            await db.ExecuteAsync("insert into relayed (hash, nonce, raw, beneficiary, purpose, gas) values (@Hash, @nonce, @Raw, @beneficiary, @purpose, @gas) on conflict do nothing",
                new { signed.Hash, nonce = (long)nonce, signed.Raw, beneficiary, purpose, gas = (long)gas });
        var receipt = await connection.SubmitAsync(signed, ct);
        await using (var db = await database.Source.OpenConnectionAsync(ct))
            await db.ExecuteAsync("update relayed set mined_block = @block, gas = @used where hash = @Hash",
                new { signed.Hash, block = (long)receipt.Block.Number, used = (long)receipt.GasUsed });
        return receipt;
    }

    private async Task<ulong> EstimateAsync(ContractCall call, CancellationToken ct)
    {
        try
        {
            ulong gas = await connection.Client.EstimateGasAsync(call, key.Address, ct);
            return gas <= MaxGas * 5 / 6
                ? gas * 6 / 5
                : throw new ApiException(409, "too-much-gas", $"the call would take {gas} gas, more than this node pays for", "send it to the chain yourself");
        }
        catch (RpcException e) when (e.Revert is not null)
        {
            throw new ApiException(409, "reverted", $"the chain would refuse this: {e.Revert}", "look at the asset's present state, correct the request and sign again");
        }
    }

    private async Task CheckBudgetAsync(Address beneficiary, ulong gas, CancellationToken ct)
    {
        await using var db = await database.Source.OpenConnectionAsync(ct);
        long spent = await db.ExecuteScalarAsync<long>(
            "select coalesce(sum(gas), 0)::bigint from relayed where beneficiary = @beneficiary and sent_at > now() - interval '1 day'", new { beneficiary });
        if (spent + (long)gas > GasPerBeneficiaryAndDay)
            throw new ApiException(429, "gas-budget", $"{beneficiary} has used this node's gas budget for today", "try again tomorrow, or send it to the chain yourself");
    }
}
