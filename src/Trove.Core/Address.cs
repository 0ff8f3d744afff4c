using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Trove.Core;

/// <summary>A 20-byte Ethereum address. Prints with the checksum of EIP-55. <c>default</c> is the zero address.</summary>
public readonly struct Address : IEquatable<Address>, IComparable<Address>
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 20;

    private readonly Hash32 _word; // 12 zero bytes, then the address: the form of an ABI word

    /// <summary>Reads exactly 20 bytes.</summary>
    /// <exception cref="ArgumentException">The span is not 20 bytes long.</exception>
    public Address(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new ArgumentException($"an address cannot be made of {bytes.Length} bytes");
        Span<byte> word = stackalloc byte[Hash32.Size];
        word.Clear();
        bytes.CopyTo(word[12..]);
        _word = new Hash32(word);
    }

    /// <summary>True for the zero address.</summary>
    public bool IsZero => _word.IsZero;

    /// <summary>
    /// Parses <c>0x</c> and 40 hex digits. All lower or all upper case is taken as it is; mixed case must
    /// carry the right EIP-55 checksum, because a typing error would send money nowhere.
    /// </summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Address value)
    {
        value = default;
        Span<byte> bytes = stackalloc byte[Size];
        if (text is null || !text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) || !Hex.TryDecode(text, bytes))
            return false;
        var parsed = new Address(bytes);
        var digits = text[2..];
        bool mixed = digits.Any(char.IsAsciiLetterLower) && digits.Any(char.IsAsciiLetterUpper);
        if (mixed && parsed.ToString()[2..] != digits)
            return false;
        value = parsed;
        return true;
    }

    /// <summary>Parses <c>0x</c> and 40 hex digits; see <see cref="TryParse"/>.</summary>
    /// <exception cref="FormatException">Anything else, or a wrong checksum.</exception>
    public static Address Parse(string text) => TryParse(text, out var value)
        ? value
        : throw new FormatException("expected an address: 0x and 40 hex digits, with a right EIP-55 checksum if in mixed case");

    /// <summary>The 32-byte ABI word: 12 zero bytes, then the address.</summary>
    public Hash32 ToWord() => _word;

    /// <summary>Writes the 20 bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        Span<byte> word = stackalloc byte[Hash32.Size];
        _word.CopyTo(word);
        word[12..].CopyTo(destination);
    }

    /// <summary>A fresh array of the 20 bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>With the mixed-case checksum of EIP-55.</summary>
    public override string ToString()
    {
        var lower = Convert.ToHexStringLower(ToArray());
        Span<byte> hash = stackalloc byte[Hash32.Size];
        Keccak256.Hash(Encoding.ASCII.GetBytes(lower), hash);
        var text = new StringBuilder("0x", 42);
        for (int i = 0; i < lower.Length; i++)
        {
            int nibble = (i & 1) == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15;
            text.Append(nibble >= 8 ? char.ToUpperInvariant(lower[i]) : lower[i]);
        }
        return text.ToString();
    }

    /// <inheritdoc/>
    public bool Equals(Address other) => _word == other._word;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Address other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _word.GetHashCode();

    /// <summary>Numeric order, the order in which the ledger wants signers.</summary>
    public int CompareTo(Address other) => _word.CompareTo(other._word);

    public static bool operator ==(Address left, Address right) => left.Equals(right);
    public static bool operator !=(Address left, Address right) => !left.Equals(right);
}
