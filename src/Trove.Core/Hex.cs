namespace Trove.Core;

/// <summary>Hexadecimal with an optional <c>0x</c> prefix, as Ethereum tools write it.</summary>
public static class Hex
{
    /// <summary>Decodes exactly <paramref name="destination"/>.Length bytes.</summary>
    /// <returns>False for a null text, another length or a character that is no hex digit.</returns>
    public static bool TryDecode(string? text, Span<byte> destination)
    {
        if (text is null)
            return false;
        var digits = Digits(text);
        return digits.Length == destination.Length * 2
            && Convert.FromHexString(digits, destination, out _, out int written) == System.Buffers.OperationStatus.Done
            && written == destination.Length;
    }

    /// <summary>Decodes any even number of digits.</summary>
    /// <exception cref="FormatException">Odd length or a character that is no hex digit.</exception>
    public static byte[] Decode(string text) => Convert.FromHexString(Digits(text));

    /// <summary><c>0x</c> and lower-case digits.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes) => "0x" + Convert.ToHexStringLower(bytes);

    private static ReadOnlySpan<char> Digits(string text) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text.AsSpan(2) : text;
}
