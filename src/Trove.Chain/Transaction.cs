using Trove.Core;
using Trove.Crypto;

namespace Trove.Chain;

/// <summary>An address and storage slots that a transaction announces to touch (EIP-2930).</summary>
public sealed record AccessListEntry(Address Address, IReadOnlyList<Hash32> Slots);

/// <summary>
/// A transaction with a base fee (EIP-1559, type 2), the only type that Trove sends or accepts: it is bound to one
/// chain by its id.
/// </summary>
public sealed record Transaction
{
    /// <summary>Largest raw transaction accepted, in bytes: what nodes' mempools take.</summary>
    public const int MaxRawBytes = 128 * 1024;

    internal const byte Type = 2;

    /// <summary>The chain it is good for.</summary>
    public required ulong ChainId { get; init; }

    /// <summary>Number of the sender's transactions before it.</summary>
    public required ulong Nonce { get; init; }

    /// <summary>Most wei per gas for the block's producer.</summary>
    public required UInt128 MaxPriorityFeePerGas { get; init; }

    /// <summary>Most wei per gas in all.</summary>
    public required UInt128 MaxFeePerGas { get; init; }

    /// <summary>Most gas.</summary>
    public required ulong GasLimit { get; init; }

    /// <summary>The receiver; null creates a contract.</summary>
    public required Address? To { get; init; }

    /// <summary>Wei sent along.</summary>
    public UInt128 Value { get; init; }

    /// <summary>Call data, or the code that creates a contract.</summary>
    public required byte[] Data { get; init; }

    /// <summary>Slots announced (EIP-2930).</summary>
    public IReadOnlyList<AccessListEntry> AccessList { get; init; } = [];

    /// <summary>The most it can cost its sender, in wei.</summary>
    /// <exception cref="OverflowException">2^128 and above: more than exists.</exception>
    public UInt128 MaxCost => checked(MaxFeePerGas * GasLimit + Value);

    /// <summary>What the sender signs: the Keccak-256 of the type byte and the unsigned fields.</summary>
    public Hash32 SigningHash => Keccak256.Hash([Type, .. Rlp.Encode(Fields())]);

    /// <summary>Signs it.</summary>
    public SignedTransaction Sign(SigningKey key)
    {
        var signature = key.Sign(SigningHash);
        return SignedTransaction.FromSigned(this, signature, key.Address);
    }

    /// <summary>The address of the contract that a sender's transaction creates: the Keccak-256 of rlp([sender, nonce]).</summary>
    public static Address CreatedContract(Address sender, ulong nonce) =>
        new(Keccak256.Hash(Rlp.Encode(new RlpItem(sender.ToArray()), RlpItem.Integer(nonce))).ToArray().AsSpan(12));

    internal IReadOnlyList<RlpItem> Fields() =>
    [
        RlpItem.Integer(ChainId), RlpItem.Integer(Nonce), RlpItem.Integer(MaxPriorityFeePerGas), RlpItem.Integer(MaxFeePerGas),
        RlpItem.Integer(GasLimit), new RlpItem(To is { } to ? to.ToArray() : []), RlpItem.Integer(Value), new RlpItem(Data),
        new RlpItem([.. AccessList.Select(e => new RlpItem(new RlpItem(e.Address.ToArray()), new RlpItem([.. e.Slots.Select(s => new RlpItem(s.ToArray()))])))]),
    ];

    internal static Transaction FromFields(IReadOnlyList<RlpItem> f) => new()
    {
        ChainId = f[0].ToUInt64(),
        Nonce = f[1].ToUInt64(),
        MaxPriorityFeePerGas = f[2].ToInteger(),
        MaxFeePerGas = f[3].ToInteger(),
        GasLimit = f[4].ToUInt64(),
        To = f[5].Bytes.Length switch { 0 => null, Address.Size => new Address(f[5].Bytes), var n => throw new RlpException($"a receiver of {n} bytes") },
        Value = f[6].ToInteger(),
        Data = f[7].Bytes,
        AccessList = [.. f[8].Items.Select(e => e.Items is [var address, var slots] && address.Bytes.Length == Address.Size && slots.Items.All(s => s.Bytes.Length == Hash32.Size)
            ? new AccessListEntry(new Address(address.Bytes), [.. slots.Items.Select(s => new Hash32(s.Bytes))])
            : throw new RlpException("an access list entry that is not an address and 32-byte slots"))],
    };
}

/// <summary>A transaction with its signature: what a node takes, and who sent it.</summary>
public sealed record SignedTransaction
{
    private SignedTransaction(Transaction transaction, Address sender, byte[] raw) =>
        (Transaction, Sender, Raw, Hash) = (transaction, sender, raw, Keccak256.Hash(raw));

    /// <summary>What was signed.</summary>
    public Transaction Transaction { get; }

    /// <summary>Who signed it.</summary>
    public Address Sender { get; }

    /// <summary>The type byte and the RLP list, as <c>eth_sendRawTransaction</c> takes them.</summary>
    public byte[] Raw { get; }

    /// <summary>The transaction's id: the Keccak-256 of <see cref="Raw"/>.</summary>
    public Hash32 Hash { get; }

    /// <summary>Decodes a raw transaction and recovers its sender.</summary>
    /// <exception cref="RlpException">Another type, too long, not canonical, or the signature is not one low-s signature.</exception>
    public static SignedTransaction Decode(ReadOnlySpan<byte> raw)
    {
        if (raw.Length > Transaction.MaxRawBytes)
            throw new RlpException($"a transaction of {raw.Length} bytes; at most {Transaction.MaxRawBytes} are accepted");
        if (raw.IsEmpty || raw[0] != Transaction.Type)
            throw new RlpException("not an EIP-1559 (type 2) transaction; sign one of that type");
        var fields = Rlp.Decode(raw[1..]).Items;
        if (fields.Count != 12)
            throw new RlpException($"an EIP-1559 transaction has 12 fields, not {fields.Count}");
        var transaction = Transaction.FromFields(fields);
        if (transaction.MaxPriorityFeePerGas > transaction.MaxFeePerGas)
            throw new RlpException("a priority fee above the whole fee");
        var signature = new byte[Secp256k1.SignatureSize];
        Place(fields[10], signature.AsSpan(0, 32));
        Place(fields[11], signature.AsSpan(32, 32));
        signature[64] = fields[9].ToInteger() is var parity && parity <= 1 ? (byte)(27 + (int)parity) : throw new RlpException("a signature parity other than 0 and 1");
        var sender = Secp256k1.Recover(transaction.SigningHash, signature) ?? throw new RlpException("a signature that no key made, or one with s in the upper half (EIP-2)");
        return new SignedTransaction(transaction, sender, raw.ToArray());
    }

    internal static SignedTransaction FromSigned(Transaction transaction, ReadOnlySpan<byte> signature, Address sender)
    {
        IReadOnlyList<RlpItem> fields = [.. transaction.Fields(), RlpItem.Integer((UInt128)(signature[64] - 27)), Trimmed(signature[..32]), Trimmed(signature[32..64])];
        return new SignedTransaction(transaction, sender, [Transaction.Type, .. Rlp.Encode(fields)]);
    }

    private static RlpItem Trimmed(ReadOnlySpan<byte> word) => new(word.TrimStart((byte)0).ToArray());

    private static void Place(RlpItem item, Span<byte> word)
    {
        var bytes = item.Bytes;
        if (bytes.Length > word.Length || (bytes.Length > 0 && bytes[0] == 0))
            throw new RlpException("a signature part that is not a canonical integer of at most 32 bytes");
        bytes.CopyTo(word[(word.Length - bytes.Length)..]);
    }
}
