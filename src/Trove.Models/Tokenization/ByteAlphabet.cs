namespace Trove.Models.Tokenization;

/// <summary>
/// GPT-2's printable stand-in for each byte (Radford et al. 2019, section 2.2), in which the files write tokens: printable
/// characters of Latin-1 stand for themselves, the other 68 bytes in order for U+0100 and following.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = Build();
    private static readonly short[] Bytes = Invert();

    /// <summary>The character of a byte.</summary>
    public static char Of(byte b) => Characters[b];

    /// <summary>A token's bytes as the files write them.</summary>
    public static string Write(ReadOnlySpan<byte> token) => string.Create(token.Length, token, static (text, bytes) =>
    {
        for (int i = 0; i < text.Length; i++)
            text[i] = Characters[bytes[i]];
    });

    /// <summary>The bytes that a token in a file stands for; false when one of its characters stands for none.</summary>
    /// <param name="bytes">As long as the text.</param>
    public static bool TryRead(ReadOnlySpan<char> token, Span<byte> bytes)
    {
        for (int i = 0; i < token.Length; i++)
            if (token[i] < Bytes.Length && Bytes[token[i]] is >= 0 and var b)
                bytes[i] = (byte)b;
            else
                return false;
        return true;
    }

    private static char[] Build()
    {
        var characters = new char[256];
        int others = 0;
        for (int b = 0; b < 256; b++)
            characters[b] = b is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE ? (char)b : (char)(256 + others++);
        return characters;
    }

    private static short[] Invert()
    {
        var bytes = new short[Characters.Max() + 1];
        bytes.AsSpan().Fill(-1);
        for (int b = 0; b < 256; b++)
            bytes[Characters[b]] = (short)b;
        return bytes;
    }
}
