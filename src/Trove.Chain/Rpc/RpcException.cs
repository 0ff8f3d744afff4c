using System.Globalization;
using System.Numerics;
using System.Text;
using Trove.Chain.Abi;
using Trove.Core;

namespace Trove.Chain.Rpc;

/// <summary>Why a JSON-RPC call gave no result.</summary>
public enum RpcFailure
{
    /// <summary>No answer: no connection, a time-out, or an HTTP status other than 200.</summary>
    Unreachable,

    /// <summary>An answer that is not JSON-RPC, too large, or not what the method returns: the node is broken or lies.</summary>
    BadReply,

    /// <summary>A JSON-RPC error object: the node understood and refused.</summary>
    Refused,

    /// <summary>A JSON-RPC error object that carries a contract's revert.</summary>
    Reverted,
}

/// <summary>
/// A JSON-RPC call failed. The message names the method, the node by host only (URLs carry API keys) and what to do.
/// </summary>
public sealed class RpcException : Exception
{
    internal RpcException(RpcFailure failure, string method, string host, string message, long? code = null, Revert? revert = null, Exception? inner = null)
        : base($"{method} at {host}: {message}", inner) =>
        (Failure, Method, Code, Reason, Revert) = (failure, method, code, message, revert);

    /// <summary>What kind of failure.</summary>
    public RpcFailure Failure { get; }

    /// <summary>The JSON-RPC method.</summary>
    public string Method { get; }

    /// <summary>The code of the JSON-RPC error object.</summary>
    public long? Code { get; }

    /// <summary>The message without method and node.</summary>
    public string Reason { get; }

    /// <summary>The contract's reason, for <see cref="RpcFailure.Reverted"/>.</summary>
    public Revert? Revert { get; }
}

/// <summary>A custom error of a contract, found by its selector.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Inputs">The tuple of its parameters.</param>
public sealed record AbiError(string Name, AbiType Inputs)
{
    /// <summary>The first four bytes of the Keccak-256 of the signature.</summary>
    public uint Selector { get; } = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(AbiCodec.Selector(Name + Inputs.Name));
}

/// <summary>Why a contract reverted.</summary>
/// <param name="Name">Name of the custom error, <c>Error</c>, <c>Panic</c>, or empty for data that no known error explains.</param>
/// <param name="Arguments">Its decoded arguments.</param>
/// <param name="Data">The raw revert data.</param>
public sealed record Revert(string Name, IReadOnlyList<object> Arguments, byte[] Data)
{
    private const int MaxText = 300; // a contract may return any text; a message holds this much of it

    private static readonly AbiError[] Builtin =
    [
        new("Error", AbiType.Tuple(AbiType.String)), // revert("text"), Solidity documentation "Control Structures"
        new("Panic", AbiType.Tuple(AbiType.UInt256)),
    ];

    /// <summary>Decodes revert data by the built-in errors and those of Trove's contracts; never throws.</summary>
    public static Revert Decode(byte[] data, IEnumerable<AbiError>? known = null)
    {
        if (data.Length < 4)
            return new Revert("", [], data);
        uint selector = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(data);
        foreach (var error in Builtin.Concat(known ?? Bindings.KnownErrors.All).Where(e => e.Selector == selector))
        {
            try
            {
                return new Revert(error.Name, AbiCodec.Decode(error.Inputs, data.AsSpan(4)), data);
            }
            catch (AbiException)
            {
                // The selector fits, the arguments do not: somebody else's error. Shown as raw data.
            }
        }
        return new Revert("", [], data);
    }

    /// <summary><c>NotAVerifier(0x…)</c>, or the raw data's beginning.</summary>
    public override string ToString()
    {
        if (Name.Length == 0)
            return Data.Length == 0 ? "reverted without a reason" : $"reverted with unknown data {Hex.Encode(Data.AsSpan(0, Math.Min(Data.Length, 68)))}";
        var text = new StringBuilder(Name).Append('(').AppendJoin(", ", Arguments.Select(Show)).Append(')');
        return Printable(text.ToString());
    }

    internal static string Printable(string text)
    {
        var clean = new StringBuilder();
        foreach (char c in text.Length > MaxText ? text[..MaxText] + "…" : text)
            clean.Append(char.IsControl(c) || char.IsSurrogate(c) ? '?' : c);
        return clean.ToString();
    }

    private static string Show(object value) => value switch
    {
        byte[] bytes => Hex.Encode(bytes.AsSpan(0, Math.Min(bytes.Length, 64))),
        object[] items => "[" + string.Join(", ", items.Take(16).Select(Show)) + "]",
        BigInteger number => number.ToString(CultureInfo.InvariantCulture),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
