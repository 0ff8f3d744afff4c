using System.Text;

namespace Trove.Core.Rewards;

/// <summary>
/// What stands in a person's text and is not their writing: lines quoted with <c>&gt;</c>, and blocks of code between fences of
/// <c>```</c> or <c>~~~</c> (CommonMark 0.31.2, sections 5.1 and 4.5). It is contributed, but neither earns nor counts as the text that is new.
/// </summary>
public static class QuotedText
{
    /// <summary>The text without its quoted lines and fenced blocks. A fence that is never closed hides nothing.</summary>
    public static string Without(string text)
    {
        if (!text.Contains('>') && !text.Contains("```", StringComparison.Ordinal) && !text.Contains("~~~", StringComparison.Ordinal))
            return text;
        var own = new StringBuilder(text.Length);
        var fenced = new StringBuilder();
        char fence = '\0';
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            var trimmed = line.TrimStart();
            bool isFence = trimmed.StartsWith("```") || trimmed.StartsWith("~~~");
            if (fence == '\0' && isFence)
            {
                fence = trimmed[0];
                fenced.Append(line).Append('\n');
            }
            else if (fence != '\0')
            {
                fenced.Append(line).Append('\n');
                if (isFence && trimmed[0] == fence)
                {
                    fence = '\0';
                    fenced.Clear();
                }
            }
            else if (!trimmed.StartsWith(">"))
            {
                own.Append(line).Append('\n');
            }
        }
        return own.Append(fenced).ToString();
    }
}
