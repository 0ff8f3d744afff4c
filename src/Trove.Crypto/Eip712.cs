using System.Buffers;
using System.Numerics;
using System.Text;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>Typed structured data of EIP-712: what wallets show and sign.</summary>
public static class Eip712
{
    /// <summary>The domain separator (EIP-712, "Definition of domainSeparator") with exactly these four fields.</summary>
    public static Hash32 DomainSeparator(string name, string version, ulong chainId, Address verifyingContract) =>
        new Eip712Struct("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
            .String(name).String(version).Uint(chainId).Address(verifyingContract).Hash();

    /// <summary>The digest that is signed: keccak256(0x19 0x01 || separator || struct hash).</summary>
    public static Hash32 Digest(Hash32 domainSeparator, Hash32 structHash)
    {
        Span<byte> bytes = stackalloc byte[2 + 2 * Hash32.Size];
        bytes[0] = 0x19;
        bytes[1] = 0x01;
        domainSeparator.CopyTo(bytes[2..]);
        structHash.CopyTo(bytes[(2 + Hash32.Size)..]);
        return Keccak256.Hash(bytes);
    }
}

/// <summary>
/// Builds one hashStruct of EIP-712 from its type string, such as
/// <c>Withdraw(address owner,bytes32 contribution,uint256 deadline)</c>. Values are given in the order of the fields;
/// a value of another kind, too many or too few of them, or an integer beyond its width is refused, because a
/// signature over the wrong layout would be good for something else.
/// </summary>
public sealed class Eip712Struct
{
    private const int MaxTypeLength = 4096;

    private readonly string[] _kinds;
    private readonly ArrayBufferWriter<byte> _words = new();
    private int _next;

    /// <summary>Starts a struct; a type string with referenced structs lists them after the primary type (encodeType).</summary>
    /// <exception cref="ArgumentException">The type string is malformed or longer than 4096 characters.</exception>
    public Eip712Struct(string type)
    {
        int open = type.IndexOf('('), close = type.IndexOf(')');
        if (type.Length > MaxTypeLength || open <= 0 || close < open)
            throw Malformed(type);
        Type = type;
        Name = type[..open];
        var fields = close == open + 1 ? [] : type[(open + 1)..close].Split(',');
        _kinds = new string[fields.Length];
        for (int i = 0; i < fields.Length; i++)
        {
            int space = fields[i].IndexOf(' ');
            if (space <= 0 || space == fields[i].Length - 1 || fields[i].IndexOf(' ', space + 1) >= 0)
                throw Malformed(type);
            _kinds[i] = fields[i][..space];
        }
        Word(Keccak256.Hash(Encoding.UTF8.GetBytes(type)));
    }

    /// <summary>The type string (encodeType).</summary>
    public string Type { get; }

    /// <summary>The struct's name.</summary>
    public string Name { get; }

    /// <summary>An <c>address</c>.</summary>
    public Eip712Struct Address(Address value) => Take("address").Word(value.ToWord());

    /// <summary>A <c>bytes32</c>.</summary>
    public Eip712Struct Bytes32(Hash32 value) => Take("bytes32").Word(value);

    /// <summary>A <c>bool</c>.</summary>
    public Eip712Struct Bool(bool value) => Take("bool").Word(value ? BigInteger.One : BigInteger.Zero);

    /// <summary>A <c>string</c>, hashed as UTF-8.</summary>
    public Eip712Struct String(string value) => Take("string").Word(Keccak256.Hash(Encoding.UTF8.GetBytes(value)));

    /// <summary>A <c>bytes</c>, hashed.</summary>
    public Eip712Struct Bytes(ReadOnlySpan<byte> value) => Take("bytes").Word(Keccak256.Hash(value));

    /// <summary>A <c>uint8</c> to <c>uint256</c>; ulong and UInt128 convert by themselves.</summary>
    /// <exception cref="ArgumentException">Negative, or more bits than the field has.</exception>
    public Eip712Struct Uint(BigInteger value)
    {
        string kind = _next < _kinds.Length ? _kinds[_next] : "";
        bool isUint = kind.StartsWith("uint", StringComparison.Ordinal);
        if (!isUint || !int.TryParse(kind.AsSpan(4), out int bits) || bits is < 8 or > 256 || bits % 8 != 0)
            throw Mismatch("uint");
        if (value.Sign < 0 || value.GetBitLength() > bits)
            throw new ArgumentException($"field {_next + 1} of {Name} is {kind}; the value given does not fit it");
        _next++;
        return Word(value);
    }

    /// <summary>An <c>address[]</c>.</summary>
    public Eip712Struct Addresses(IEnumerable<Address> values) => Take("address[]").Words(values.Select(v => v.ToWord()));

    /// <summary>A <c>bytes32[]</c>.</summary>
    public Eip712Struct Bytes32s(IEnumerable<Hash32> values) => Take("bytes32[]").Words(values);

    /// <summary>A nested struct, whose own type must be listed in this type string.</summary>
    public Eip712Struct Struct(Eip712Struct value)
    {
        if (!Type.Contains(")" + value.Type[..(value.Type.IndexOf(')') + 1)], StringComparison.Ordinal))
            throw Mismatch(value.Type);
        return Take(value.Name).Word(value.Hash());
    }

    /// <summary>An array of nested structs of one type, which must be listed in this type string.</summary>
    public Eip712Struct Structs(string type, IEnumerable<Eip712Struct> values)
    {
        var name = new Eip712Struct(type).Name;
        var hashes = values.Select(v => v.Type == type ? v.Hash() : throw Mismatch(v.Type)).ToList();
        if (!Type.Contains(")" + type[..(type.IndexOf(')') + 1)], StringComparison.Ordinal))
            throw Mismatch(type);
        return Take(name + "[]").Words(hashes);
    }

    /// <summary>hashStruct: keccak256(typeHash || encodeData).</summary>
    /// <exception cref="InvalidOperationException">Fewer values than fields were given.</exception>
    public Hash32 Hash() => _next == _kinds.Length
        ? Keccak256.Hash(_words.WrittenSpan)
        : throw new InvalidOperationException($"{Name} has {_kinds.Length} fields, but {_next} values were given; the next is {_kinds[_next]}");

    private Eip712Struct Take(string kind)
    {
        if (_next >= _kinds.Length || _kinds[_next] != kind)
            throw Mismatch(kind);
        _next++;
        return this;
    }

    private Eip712Struct Word(BigInteger value)
    {
        Span<byte> word = stackalloc byte[Hash32.Size];
        word.Clear();
        int length = value.GetByteCount(isUnsigned: true);
        value.TryWriteBytes(word[(Hash32.Size - length)..], out _, isUnsigned: true, isBigEndian: true);
        return Word(new Hash32(word));
    }

    private Eip712Struct Word(Hash32 word)
    {
        word.CopyTo(_words.GetSpan(Hash32.Size));
        _words.Advance(Hash32.Size);
        return this;
    }

    private Eip712Struct Words(IEnumerable<Hash32> values)
    {
        var words = new ArrayBufferWriter<byte>();
        foreach (var value in values)
        {
            value.CopyTo(words.GetSpan(Hash32.Size));
            words.Advance(Hash32.Size);
        }
        return Word(Keccak256.Hash(words.WrittenSpan));
    }

    private ArgumentException Mismatch(string kind) => new(_next < _kinds.Length
        ? $"field {_next + 1} of {Name} is {_kinds[_next]}, not {kind}"
        : $"{Name} has only {_kinds.Length} fields; {kind} is one too many");

    private static ArgumentException Malformed(string type) =>
        new($"'{(type.Length > 80 ? type[..80] + "…" : type)}' is not an EIP-712 type string such as Name(address owner,uint256 deadline)");
}
