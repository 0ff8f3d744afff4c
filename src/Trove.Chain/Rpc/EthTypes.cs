using System.Globalization;
using System.Text.Json.Nodes;
using Trove.Core;

namespace Trove.Chain.Rpc;

/// <summary>A contract function to be called: where, and the selector with its encoded arguments.</summary>
/// <param name="To">The contract.</param>
/// <param name="Data">Four bytes of selector, then ABI words.</param>
public sealed record ContractCall(Address To, byte[] Data);

/// <summary>A block by number and hash.</summary>
public readonly record struct BlockRef(ulong Number, Hash32 Hash);

/// <summary>What Trove reads of a block header.</summary>
/// <param name="Number">Height.</param>
/// <param name="Hash">Hash of the header, as the node states it.</param>
/// <param name="ParentHash">Hash of the block below.</param>
/// <param name="Timestamp">Seconds since 1970, UTC.</param>
/// <param name="GasLimit">Gas that fits the block.</param>
/// <param name="BaseFeePerGas">Wei per gas (EIP-1559); 0 on networks without it.</param>
/// <param name="Transactions">Hashes of its transactions, in order.</param>
public sealed record Block(ulong Number, Hash32 Hash, Hash32 ParentHash, ulong Timestamp, ulong GasLimit, UInt128 BaseFeePerGas,
    IReadOnlyList<Hash32> Transactions)
{
    /// <summary>Number and hash.</summary>
    public BlockRef Ref => new(Number, Hash);
}

/// <summary>An event that a contract emitted.</summary>
/// <param name="Address">The contract that emitted it.</param>
/// <param name="Topics">At most four words: the event's signature hash, then indexed parameters.</param>
/// <param name="Data">ABI words of the other parameters.</param>
/// <param name="Block">The block it is in.</param>
/// <param name="TransactionHash">The transaction that caused it.</param>
/// <param name="Index">Its place in the block.</param>
public sealed record Log(Address Address, IReadOnlyList<Hash32> Topics, byte[] Data, BlockRef Block, Hash32 TransactionHash, uint Index);

/// <summary>What became of a transaction that is in a block.</summary>
/// <param name="TransactionHash">The transaction.</param>
/// <param name="Success">False when it was reverted: its fee was paid, nothing else happened.</param>
/// <param name="Block">The block it is in.</param>
/// <param name="GasUsed">Gas.</param>
/// <param name="EffectiveGasPrice">Wei per gas.</param>
/// <param name="ContractAddress">The contract it created, if it did.</param>
/// <param name="Logs">The events, in order.</param>
public sealed record Receipt(Hash32 TransactionHash, bool Success, BlockRef Block, ulong GasUsed, UInt128 EffectiveGasPrice,
    Address? ContractAddress, IReadOnlyList<Log> Logs);

/// <summary>Which events to ask for: from any of the contracts, with any of the first topics. Empty means all.</summary>
public sealed record LogFilter(IReadOnlyCollection<Address> Addresses, IReadOnlyCollection<Hash32> Topics)
{
    /// <summary>Most addresses and topics of one filter; nodes refuse more.</summary>
    public const int MaxEntries = 1024;

    /// <summary>Does the log belong to what was asked for?</summary>
    public bool Matches(Log log) => (Addresses.Count == 0 || Addresses.Contains(log.Address))
        && (Topics.Count == 0 || (log.Topics.Count > 0 && Topics.Contains(log.Topics[0])));
}

/// <summary>Fees to offer for a transaction (EIP-1559), in wei per gas.</summary>
/// <param name="BaseFee">What the next block will burn.</param>
/// <param name="PriorityFee">What the node suggests as a tip.</param>
public readonly record struct FeeSuggestion(UInt128 BaseFee, UInt128 PriorityFee);

/// <summary>A block, or the state after it, named by number, hash (EIP-1898) or a word such as <c>latest</c>.</summary>
public readonly record struct BlockTag
{
    private readonly string? _word;
    private readonly Hash32? _hash;

    private BlockTag(string? word, Hash32? hash, ulong? number = null) => (_word, _hash, Number) = (word, hash, number);

    /// <summary>The newest block; what <c>default</c> means.</summary>
    public static BlockTag Latest => new("latest", null);

    /// <summary>The state in which the next block will be executed, with its time.</summary>
    public static BlockTag Pending => new("pending", null);

    /// <summary>The newest block that the network regards as final.</summary>
    public static BlockTag Finalized => new("finalized", null);

    /// <summary>By number.</summary>
    public static BlockTag At(ulong number) => new(Quantity.Of(number), null, number);

    /// <summary>By hash: fails when the block is no longer part of the chain.</summary>
    public static BlockTag At(Hash32 hash) => new(null, hash);

    internal Hash32? Hash => _hash;

    internal ulong? Number { get; }

    internal JsonNode ToJson() => _hash is { } hash
        ? new JsonObject { ["blockHash"] = hash.ToString(), ["requireCanonical"] = true }
        : _word ?? "latest";
}

/// <summary>Quantities of Ethereum JSON-RPC: <c>0x</c> and hex digits without leading zeros.</summary>
internal static class Quantity
{
    public static string Of(UInt128 value) => "0x" + value.ToString("x", CultureInfo.InvariantCulture);
}
