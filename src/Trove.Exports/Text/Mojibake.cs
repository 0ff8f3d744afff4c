using System.Text;

namespace Trove.Exports.Text;

/// <summary>
/// Undoes what Meta's exports do to text: each byte of its UTF-8 was written as a character of its own, so that <c>é</c>
/// became <c>Ã©</c>. Decided string by string, because newer files hold both.
/// </summary>
internal static class Mojibake
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The text that was meant; the text itself when it is not UTF-8 taken for Latin-1.</summary>
    public static string Repair(string text)
    {
        if (Ascii.IsValid(text) || text.AsSpan().ContainsAnyExceptInRange('\0', '\u00FF'))
            return text;
        try
        {
            return Strict.GetString(Encoding.Latin1.GetBytes(text));
        }
        catch (DecoderFallbackException)
        {
            return text; // real Latin-1 characters
        }
    }
}
