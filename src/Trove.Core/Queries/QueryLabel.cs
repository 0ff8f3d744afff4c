using System.Globalization;
using System.Text;

namespace Trove.Core.Queries;

/// <summary>
/// Which texts can be labels, in records and in conditions alike. Labels are shown to voters and buyers, so nothing in
/// them may be invisible or turn the reading order around.
/// </summary>
public static class QueryLabel
{
    /// <summary>Longest label, in UTF-16 units.</summary>
    public const int MaxLength = 128;

    /// <summary>May the text be a label? The empty one may: it stands for "none".</summary>
    public static bool IsValid(string text)
    {
        if (text.Length > MaxLength)
            return false;
        for (int i = 0; i < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text.AsSpan(i), out var rune, out int length) != System.Buffers.OperationStatus.Done || IsHidden(rune))
                return false;
            i += length;
        }
        return true;
    }

    private static bool IsHidden(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
