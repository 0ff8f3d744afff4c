using System.Globalization;
using System.Text.Json;
using Trove.Core;

namespace Trove.Chain.Rpc;

/// <summary>
/// Reads the JSON of a node that may be broken or hostile: every field's presence, kind and range is checked, and a
/// miss says which field of which method it was.
/// </summary>
internal sealed class RpcReader(string method, string host)
{
    private const int MaxTopics = 4; // LOG0 … LOG4 of the EVM

    public RpcException Bad(string what) => new(RpcFailure.BadReply, method, host, $"a reply that cannot be true: {what}; use another node");

    public JsonElement Field(JsonElement json, string name) => json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var field)
        ? field : throw Bad($"the field '{name}' is missing");

    public bool Has(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var field) && field.ValueKind != JsonValueKind.Null;

    public UInt128 Number(JsonElement json, string what)
    {
        var text = Text(json, what);
        return text.Length is > 2 and <= 66 && text.StartsWith("0x", StringComparison.Ordinal)
            && UInt128.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value : throw Bad($"'{what}' is no number below 2^128");
    }

    public ulong Number64(JsonElement json, string what) =>
        Number(json, what) is var value && value <= ulong.MaxValue ? (ulong)value : throw Bad($"'{what}' is beyond 64 bits");

    public Hash32 Hash(JsonElement json, string what) => Text(json, what) is var text && text.StartsWith("0x", StringComparison.Ordinal)
        && Hash32.TryParse(text, out var value) ? value : throw Bad($"'{what}' is no 32-byte hash");

    public Address Address(JsonElement json, string what)
    {
        Span<byte> bytes = stackalloc byte[Core.Address.Size]; // not Address.TryParse: a node owes no checksum
        return Hex.TryDecode(Text(json, what), bytes) ? new Address(bytes) : throw Bad($"'{what}' is no address");
    }

    public byte[] Data(JsonElement json, string what)
    {
        var text = Text(json, what);
        try
        {
            return text.StartsWith("0x", StringComparison.Ordinal) ? Hex.Decode(text) : throw Bad($"'{what}' has no 0x");
        }
        catch (FormatException)
        {
            throw Bad($"'{what}' is no hex data");
        }
    }

    public Block Block(JsonElement json) => new(
        Number64(Field(json, "number"), "number"),
        Hash(Field(json, "hash"), "hash"),
        Hash(Field(json, "parentHash"), "parentHash"),
        Number64(Field(json, "timestamp"), "timestamp"),
        Number64(Field(json, "gasLimit"), "gasLimit"),
        Has(json, "baseFeePerGas") ? Number(Field(json, "baseFeePerGas"), "baseFeePerGas") : 0,
        [.. Array(Field(json, "transactions"), "transactions").Select(t => Hash(t, "transactions"))]);

    public Log Log(JsonElement json)
    {
        if (Has(json, "removed") && Field(json, "removed").ValueKind == JsonValueKind.True)
            throw Bad("a log that was removed from the chain");
        var topics = Array(Field(json, "topics"), "topics").Select(t => Hash(t, "topics")).ToArray();
        if (topics.Length > MaxTopics)
            throw Bad($"a log with {topics.Length} topics");
        ulong index = Number64(Field(json, "logIndex"), "logIndex");
        return new Log(
            Address(Field(json, "address"), "address"),
            topics,
            Data(Field(json, "data"), "data"),
            new BlockRef(Number64(Field(json, "blockNumber"), "blockNumber"), Hash(Field(json, "blockHash"), "blockHash")),
            Hash(Field(json, "transactionHash"), "transactionHash"),
            index <= uint.MaxValue ? (uint)index : throw Bad("'logIndex' is beyond 32 bits"));
    }

    public Receipt Receipt(JsonElement json)
    {
        var hash = Hash(Field(json, "transactionHash"), "transactionHash");
        ulong status = Number64(Field(json, "status"), "status");
        var block = new BlockRef(Number64(Field(json, "blockNumber"), "blockNumber"), Hash(Field(json, "blockHash"), "blockHash"));
        var logs = Array(Field(json, "logs"), "logs").Select(Log).ToArray();
        if (status > 1 || logs.Any(l => l.TransactionHash != hash || l.Block != block))
            throw Bad("a receipt whose status or logs contradict it");
        return new Receipt(hash, status == 1, block,
            Number64(Field(json, "gasUsed"), "gasUsed"),
            Has(json, "effectiveGasPrice") ? Number(Field(json, "effectiveGasPrice"), "effectiveGasPrice") : 0,
            Has(json, "contractAddress") ? Address(Field(json, "contractAddress"), "contractAddress") : null,
            logs);
    }

    public JsonElement.ArrayEnumerator Array(JsonElement json, string what) =>
        json.ValueKind == JsonValueKind.Array ? json.EnumerateArray() : throw Bad($"'{what}' is no list");

    private string Text(JsonElement json, string what) =>
        json.ValueKind == JsonValueKind.String ? json.GetString()! : throw Bad($"'{what}' is no text");
}
