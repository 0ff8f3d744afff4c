using Trove.Chain.Abi;
using Trove.Chain.Rpc;

namespace Trove.Chain.Bindings;

/// <summary>What the generated bindings share.</summary>
internal static class ContractView
{
    /// <summary>Calls a view and decodes what it returns.</summary>
    /// <exception cref="RpcException">No contract there, a revert, or a reply that is not what the ABI says.</exception>
    public static async Task<object[]> CallAsync(EthClient client, ContractCall call, AbiType outputs, BlockTag at, CancellationToken cancel)
    {
        var data = await client.CallAsync(call, null, at, cancel).ConfigureAwait(false);
        if (data.Length == 0)
            throw client.BadReply("eth_call", $"{call.To} returned nothing; there is no such contract on this chain");
        try
        {
            return AbiCodec.Decode(outputs, data);
        }
        catch (AbiException e)
        {
            throw client.BadReply("eth_call", $"{call.To} returned something else than its ABI says ({e.Message})");
        }
    }

    /// <summary>Decodes an event: indexed parameters from the topics, the others from the data, in the order of <paramref name="order"/>.</summary>
    /// <returns>Null when it is another event.</returns>
    /// <exception cref="AbiException">This event's signature, but not its encoding.</exception>
    public static object[]? Event(Log log, Core.Hash32 signature, AbiType indexed, AbiType data, ReadOnlySpan<bool> order)
    {
        if (log.Topics.Count != 1 + indexed.Components.Count || log.Topics[0] != signature)
            return null;
        var others = AbiCodec.Decode(data, log.Data);
        var values = new object[order.Length];
        for (int i = 0, topic = 0, other = 0; i < order.Length; i++)
            values[i] = order[i] ? AbiCodec.DecodeWord(indexed.Components[topic], log.Topics[++topic]) : others[other++];
        return values;
    }

    /// <summary>The elements of a decoded array.</summary>
    public static IReadOnlyList<T> List<T>(object value, Func<object, T> read) => [.. ((object[])value).Select(read)];

    /// <summary>The elements of a list, for encoding.</summary>
    public static object?[] Items<T>(IReadOnlyList<T> values, Func<T, object?> write) => [.. values.Select(write)];
}
