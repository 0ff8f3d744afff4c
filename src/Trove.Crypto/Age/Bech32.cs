using System.Security.Cryptography;
using System.Text;

namespace Trove.Crypto;

/// <summary>Bech32 (BIP 173) without its length limit, as age uses it for keys of 32 bytes. Strict: one case, zero padding bits.</summary>
internal static class Bech32
{
    private const int ChecksumLength = 6;
    private static ReadOnlySpan<byte> Charset => "qpzry9x8gf2tvdw0s3jn54khce6mua7l"u8;

    /// <summary>Length of the encoding of <paramref name="dataLength"/> bytes.</summary>
    public static int EncodedLength(int prefixLength, int dataLength) => prefixLength + 1 + (dataLength * 8 + 4) / 5 + ChecksumLength;

    /// <summary>Writes lower-case ASCII; <paramref name="destination"/> has exactly <see cref="EncodedLength"/> bytes.</summary>
    public static void Encode(ReadOnlySpan<byte> lowerPrefix, ReadOnlySpan<byte> data, Span<byte> destination)
    {
        lowerPrefix.CopyTo(destination);
        destination[lowerPrefix.Length] = (byte)'1';
        var values = destination[(lowerPrefix.Length + 1)..];
        uint accumulator = 0;
        int bits = 0, at = 0;
        foreach (byte b in data)
        {
            accumulator = (accumulator << 8) | b;
            for (bits += 8; bits >= 5;)
                values[at++] = (byte)((accumulator >> (bits -= 5)) & 31);
        }
        if (bits > 0)
            values[at++] = (byte)((accumulator << (5 - bits)) & 31);
        values[at..].Clear();
        uint checksum = Polymod(lowerPrefix, values) ^ 1;
        for (int i = 0; i < ChecksumLength; i++)
            values[at + i] = (byte)((checksum >> (5 * (5 - i))) & 31);
        foreach (ref byte value in values)
            value = Charset[value];
    }

    /// <summary>Decodes text with this prefix into exactly <paramref name="destination"/>.Length bytes; false for anything else.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lowerPrefix, Span<byte> destination)
    {
        if (text.Length != EncodedLength(lowerPrefix.Length, destination.Length))
            return false;
        Span<byte> lower = stackalloc byte[text.Length]; // the length is fixed by the caller's constants: at most 80 bytes
        try
        {
            bool hasLower = text.ContainsAnyInRange((byte)'a', (byte)'z'), hasUpper = text.ContainsAnyInRange((byte)'A', (byte)'Z');
            if ((hasLower && hasUpper) || !Ascii.IsValid(text))
                return false;
            Ascii.ToLower(text, lower, out _);
            if (!lower.StartsWith(lowerPrefix) || lower[lowerPrefix.Length] != '1')
                return false;
            var values = lower[(lowerPrefix.Length + 1)..];
            foreach (ref byte value in values)
            {
                int index = Charset.IndexOf(value);
                if (index < 0)
                    return false;
                value = (byte)index;
            }
            return Polymod(lowerPrefix, values) == 1 && Unpack(values[..^ChecksumLength], destination);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(lower);
        }
    }

    private static bool Unpack(ReadOnlySpan<byte> values, Span<byte> destination)
    {
        uint accumulator = 0;
        int bits = 0, at = 0;
        foreach (byte value in values)
        {
            accumulator = (accumulator << 5) | value;
            if ((bits += 5) >= 8)
                destination[at++] = (byte)(accumulator >> (bits -= 8));
        }
        return at == destination.Length && bits < 5 && (accumulator & ((1u << bits) - 1)) == 0;
    }

    private static uint Polymod(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> values)
    {
        uint state = 1;
        foreach (byte c in prefix)
            state = Step(state, (uint)c >> 5);
        state = Step(state, 0);
        foreach (byte c in prefix)
            state = Step(state, c & 31u);
        foreach (byte v in values)
            state = Step(state, v);
        return state;
    }

    private static uint Step(uint state, uint value)
    {
        uint top = state >> 25;
        state = ((state & 0x1FFFFFF) << 5) ^ value;
        if ((top & 1) != 0) state ^= 0x3B6A57B2;
        if ((top & 2) != 0) state ^= 0x26508E6D;
        if ((top & 4) != 0) state ^= 0x1EA119FA;
        if ((top & 8) != 0) state ^= 0x3D4233DD;
        if ((top & 16) != 0) state ^= 0x2A1462B3;
        return state;
    }
}
