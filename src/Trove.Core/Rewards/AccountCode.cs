using System.Security.Cryptography;

namespace Trove.Core.Rewards;

/// <summary>
/// What an account of a platform shows in public to be bound to a wallet (specs/public-pages.md): <c>trove-</c> and 24 letters and digits, made of
/// the wallet's address alone, so that it needs no server and is of use to nobody else.
/// </summary>
public static class AccountCode
{
    /// <summary>Every code begins so.</summary>
    public const string Prefix = "trove-";

    // 120 bits: three bytes of five give eight letters, without padding.
    private const int Bytes = 15;
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567"; // base32 of RFC 4648 section 6, in lower case

    /// <summary>The code of a wallet for an asset.</summary>
    /// <param name="chainId">Of the asset's chain.</param>
    /// <param name="ledger">The asset's.</param>
    /// <param name="owner">The wallet.</param>
    public static string Of(ulong chainId, Address ledger, Address owner)
    {
        var hash = SHA256.HashData(new CanonicalWriter("trove/account-code/1").UInt64(chainId).Address(ledger).Address(owner).Bytes);
        return string.Create(Prefix.Length + Bytes * 8 / 5, hash, (text, bytes) =>
        {
            Prefix.CopyTo(text);
            for (int i = 0; i < Bytes * 8 / 5; i++)
            {
                int bit = 5 * i;
                text[Prefix.Length + i] = Alphabet[((bytes[bit / 8] << 8 | bytes[bit / 8 + 1]) >> (11 - bit % 8)) & 31];
            }
        });
    }

    /// <summary>Does the code stand in a text, as a word of its own?</summary>
    public static bool IsIn(string code, string text)
    {
        for (int at = 0; (at = text.IndexOf(code, at, StringComparison.Ordinal)) >= 0; at++)
            if ((at == 0 || !IsOfCode(text[at - 1])) && (at + code.Length == text.Length || !IsOfCode(text[at + code.Length])))
                return true;
        return false;
    }

    /// <summary>
    /// Does the code stand on a line of its own, outside what the text quotes? Who answers another's post often repeats it, and so would bind
    /// their account to the other's wallet.
    /// </summary>
    public static bool IsLineOf(string code, string text)
    {
        foreach (var line in QuotedText.Without(text).AsSpan().EnumerateLines())
            if (line.Trim().SequenceEqual(code))
                return true;
        return false;
    }

    private static bool IsOfCode(char c) => char.IsLetterOrDigit(c) || c is '-' or '_';
}
