using System.Security.Cryptography;

namespace Trove.Exports.Mbox;

/// <summary>
/// Ids of mails. A <c>Message-ID</c> often holds its author's name or machine, which redaction of fields would not reach: records hold
/// the first 8 bytes of its SHA-256 in hex, the same in every mail that refers to it.
/// </summary>
internal static class MailIds
{
    /// <summary>Of the first <c>&lt;…&gt;</c> in a value; empty when there is none.</summary>
    public static string First(ReadOnlySpan<byte> value) => Hash(FirstRaw(value));

    /// <summary>What stands in the first angle brackets, else the first word.</summary>
    public static ReadOnlySpan<byte> FirstRaw(ReadOnlySpan<byte> value)
    {
        int open = value.IndexOf((byte)'<');
        int close = open < 0 ? -1 : value[open..].IndexOf((byte)'>');
        if (close > 0)
            return value[(open + 1)..(open + close)].Trim(" \t\r\n"u8);
        int end = value.IndexOfAny(" \t\r\n"u8);
        return end < 0 ? value : value[..end];
    }

    private static string Hash(ReadOnlySpan<byte> id) => id.IsEmpty ? "" : Convert.ToHexStringLower(SHA256.HashData(id).AsSpan(0, 8));
}
