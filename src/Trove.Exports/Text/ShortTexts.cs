using System.Runtime.InteropServices;
using System.Text;

namespace Trove.Exports.Text;

/// <summary>
/// Short texts out of UTF-8, the same string for the same bytes where it can be: roles, names and tags come again in every
/// entry of an export. It forgets, so that a hostile file cannot make it grow.
/// </summary>
internal sealed class ShortTexts
{
    /// <summary>Texts of at most so many bytes are looked for.</summary>
    public const int Longest = 24;

    private const int Slots = 256; // 2 to the bits that are left below

    private readonly string?[] _known = new string?[Slots];

    /// <summary>The text; what is not UTF-8 becomes U+FFFD.</summary>
    public string Get(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length is 0 or > Longest)
            return Encoding.UTF8.GetString(utf8);
        ref var known = ref _known[Slot(utf8)];
        if (known is not null && Ascii.Equals(utf8, known))
            return known;
        var text = Encoding.UTF8.GetString(utf8);
        if (text.Length == utf8.Length)
            known = text;
        return text;
    }

    // Of the length and the first and last bytes; in unsigned arithmetic that may run over.
    private static int Slot(ReadOnlySpan<byte> utf8)
    {
        const ulong odd = 0x9E37_79B9_7F4A_7C15;
        ulong ends = utf8.Length >= 8 ? MemoryMarshal.Read<ulong>(utf8) ^ ulong.RotateLeft(MemoryMarshal.Read<ulong>(utf8[^8..]), 23)
            : utf8.Length >= 4 ? MemoryMarshal.Read<uint>(utf8) | (ulong)MemoryMarshal.Read<uint>(utf8[^4..]) << 32
            : utf8[0] | (ulong)utf8[utf8.Length / 2] << 8 | (ulong)utf8[^1] << 16;
        return (int)(unchecked((ends + (ulong)utf8.Length) * odd) >> 56);
    }
}
