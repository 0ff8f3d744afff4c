using System.Globalization;
using System.Text.Json;
using Trove.Core;

namespace Trove.Chain.Abi;

/// <summary>The kinds of type that the contract ABI specification of Solidity names.</summary>
public enum AbiKind
{
    /// <summary>uint8 … uint256.</summary>
    UInt,

    /// <summary>int8 … int256.</summary>
    Int,

    /// <summary>bool.</summary>
    Bool,

    /// <summary>address.</summary>
    Address,

    /// <summary>bytes1 … bytes32.</summary>
    FixedBytes,

    /// <summary>bytes.</summary>
    Bytes,

    /// <summary>string.</summary>
    String,

    /// <summary>T[] and T[n].</summary>
    Array,

    /// <summary>A struct, or a list of parameters.</summary>
    Tuple,
}

/// <summary>
/// A type of the contract ABI. Values are: uint8…64 as byte, ushort, uint, ulong (the smallest that holds them), uint128
/// as <see cref="UInt128"/>, wider as <see cref="System.Numerics.BigInteger"/>; int likewise signed; bool; <see cref="Core.Address"/>;
/// bytes32 as <see cref="Hash32"/>, other bytesN and bytes as byte[]; string; arrays as any list (decoded to object[]);
/// tuples as object[].
/// </summary>
public sealed class AbiType
{
    /// <summary>Deepest nesting of arrays and tuples; stops a hostile ABI from exhausting the stack.</summary>
    public const int MaxDepth = 16;

    private const int MaxStaticWords = 1 << 16; // a static type of T[2^32] would overflow sizes before any data is read

    /// <summary>uint256.</summary>
    public static readonly AbiType UInt256 = Parse("uint256");

    /// <summary>string.</summary>
    public static readonly AbiType String = Parse("string");

    /// <summary>bytes.</summary>
    public static readonly AbiType Bytes = Parse("bytes");

    private AbiType(AbiKind kind, int size = 0, AbiType? element = null, IReadOnlyList<AbiType>? components = null,
        IReadOnlyList<string>? names = null, string? structName = null)
    {
        (Kind, Size, Element, StructName) = (kind, size, element, structName);
        Components = components ?? [];
        Names = names ?? [];
        IsDynamic = kind is AbiKind.Bytes or AbiKind.String || (kind == AbiKind.Array && size < 0)
            || (element?.IsDynamic ?? false) || Components.Any(c => c.IsDynamic);
        Depth = 1 + Math.Max(element?.Depth ?? 0, Components.Select(c => c.Depth).DefaultIfEmpty(0).Max());
        if (Depth > MaxDepth)
            throw new AbiException($"an ABI type nested deeper than {MaxDepth} is refused");
        long words = IsDynamic || kind is not (AbiKind.Array or AbiKind.Tuple) ? 1
            : kind == AbiKind.Array ? (long)size * element!.StaticWords : Components.Sum(c => (long)c.StaticWords);
        if (words > MaxStaticWords)
            throw new AbiException($"an ABI type of more than {MaxStaticWords} words is refused");
        StaticWords = (int)words;
    }

    /// <summary>What kind of type this is.</summary>
    public AbiKind Kind { get; }

    /// <summary>Bits of integers, bytes of bytesN, elements of T[n]; -1 for T[].</summary>
    public int Size { get; }

    /// <summary>The element type of an array.</summary>
    public AbiType? Element { get; }

    /// <summary>The members of a tuple.</summary>
    public IReadOnlyList<AbiType> Components { get; }

    /// <summary>The names of the members of a tuple, as far as the ABI gives them.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The name of the Solidity struct, for a tuple that is one.</summary>
    public string? StructName { get; }

    /// <summary>Is it encoded through an offset?</summary>
    public bool IsDynamic { get; }

    internal int Depth { get; }

    /// <summary>Words in the head: 1 for a dynamic type, the whole encoding for a static one.</summary>
    internal int StaticWords { get; }

    /// <summary>The canonical name used in signatures: <c>(uint256,address[])</c>.</summary>
    public string Name => Kind switch
    {
        AbiKind.UInt => "uint" + Size.ToString(CultureInfo.InvariantCulture),
        AbiKind.Int => "int" + Size.ToString(CultureInfo.InvariantCulture),
        AbiKind.Bool => "bool",
        AbiKind.Address => "address",
        AbiKind.FixedBytes => "bytes" + Size.ToString(CultureInfo.InvariantCulture),
        AbiKind.Bytes => "bytes",
        AbiKind.String => "string",
        AbiKind.Array => Element!.Name + (Size < 0 ? "[]" : $"[{Size}]"),
        _ => "(" + string.Join(',', Components.Select(c => c.Name)) + ")",
    };

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>A tuple of unnamed members.</summary>
    public static AbiType Tuple(params IReadOnlyList<AbiType> components) => new(AbiKind.Tuple, components: components);

    /// <summary>Parses a canonical name such as <c>(uint64,bytes32)[3][]</c>.</summary>
    /// <exception cref="AbiException">Not a type of the ABI, or beyond the limits.</exception>
    public static AbiType Parse(string name)
    {
        if (name.Length > 4096)
            throw new AbiException("an ABI type name of more than 4096 characters is refused");
        int at = 0;
        var type = ParseAt(name, ref at, 0);
        return at == name.Length ? type : throw Unknown(name);
    }

    /// <summary>Parses one parameter of a JSON ABI (<c>type</c>, <c>components</c>, <c>internalType</c>).</summary>
    /// <exception cref="AbiException">Not a type of the ABI, or beyond the limits.</exception>
    public static AbiType FromJson(JsonElement parameter) => FromJson(parameter, 0);

    /// <summary>The tuple of the parameters in a JSON ABI's <c>inputs</c>, <c>outputs</c> or <c>components</c>.</summary>
    public static AbiType TupleFromJson(JsonElement parameters, string? structName = null) => TupleFromJson(parameters, structName, 0);

    private static AbiType TupleFromJson(JsonElement parameters, string? structName, int depth) => new(AbiKind.Tuple,
        components: [.. parameters.EnumerateArray().Select(p => FromJson(p, depth + 1))],
        names: [.. parameters.EnumerateArray().Select(p => p.TryGetProperty("name", out var n) ? n.GetString() ?? "" : "")],
        structName: structName);

    private static AbiType FromJson(JsonElement parameter, int depth)
    {
        if (depth > MaxDepth)
            throw new AbiException($"an ABI type nested deeper than {MaxDepth} is refused");
        var name = parameter.GetProperty("type").GetString() ?? "";
        if (!name.StartsWith("tuple", StringComparison.Ordinal))
            return Parse(name);
        string? structName = null;
        if (parameter.TryGetProperty("internalType", out var hint) && hint.GetString() is { } text && text.StartsWith("struct ", StringComparison.Ordinal))
            structName = text[7..].Split('[')[0].Split('.')[^1];
        var type = TupleFromJson(parameter.GetProperty("components"), structName, depth);
        int at = "tuple".Length;
        type = Suffixes(name, ref at, type);
        return at == name.Length ? type : throw Unknown(name);
    }

    private static AbiType ParseAt(string text, ref int at, int depth)
    {
        if (depth > MaxDepth)
            throw new AbiException($"an ABI type nested deeper than {MaxDepth} is refused");
        if (at < text.Length && text[at] == '(')
        {
            at++;
            var components = new List<AbiType>();
            if (at < text.Length && text[at] == ')')
                return Suffixes(text, ref at, new AbiType(AbiKind.Tuple), skip: 1);
            while (true)
            {
                components.Add(ParseAt(text, ref at, depth + 1));
                if (at >= text.Length || text[at] is not (',' or ')'))
                    throw Unknown(text);
                if (text[at++] == ')')
                    break;
            }
            return Suffixes(text, ref at, Tuple(components));
        }
        int start = at;
        while (at < text.Length && char.IsAsciiLetterOrDigit(text[at]))
            at++;
        return Suffixes(text, ref at, Elementary(text[start..at]));
    }

    private static AbiType Suffixes(string text, ref int at, AbiType type, int skip = 0)
    {
        at += skip;
        while (at < text.Length && text[at] == '[')
        {
            int end = text.IndexOf(']', at);
            if (end < 0)
                throw Unknown(text);
            var digits = text[(at + 1)..end];
            int size = -1;
            if (digits.Length > 0 && (digits[0] == '0' || digits.Contains('\0') || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out size)))
                throw Unknown(text);
            // An element without a byte of its own would let a length of 2^64 cost nothing to claim.
            if (type.StaticWords == 0)
                throw new AbiException("an array of empty tuples is refused");
            type = new AbiType(AbiKind.Array, size, type);
            at = end + 1;
        }
        return type;
    }

    private static AbiType Elementary(string name) => name switch
    {
        "bool" => new AbiType(AbiKind.Bool),
        "address" => new AbiType(AbiKind.Address),
        "bytes" => new AbiType(AbiKind.Bytes),
        "string" => new AbiType(AbiKind.String),
        _ when Sized(name, "uint") is int bits && bits is >= 8 and <= 256 && bits % 8 == 0 => new AbiType(AbiKind.UInt, bits),
        _ when Sized(name, "int") is int bits && bits is >= 8 and <= 256 && bits % 8 == 0 => new AbiType(AbiKind.Int, bits),
        _ when Sized(name, "bytes") is int size && size is >= 1 and <= 32 => new AbiType(AbiKind.FixedBytes, size),
        _ => throw Unknown(name),
    };

    private static int? Sized(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal) && name.Length > prefix.Length && name[prefix.Length] != '0'
        && int.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int size) ? size : null;

    private static AbiException Unknown(string name) => new($"'{(name.Length > 80 ? name[..80] + "…" : name)}' is no type of the contract ABI");
}

/// <summary>Data or a value does not fit its ABI type.</summary>
public sealed class AbiException(string message) : FormatException(message);
