using System.Text;

namespace Trove.Exports.Text;

/// <summary>A mail's page as plain text in which quotations stand as they do in plain mails, in lines that begin with <c>&gt;</c>.</summary>
internal static class MimeHtml
{
    /// <summary>The text of a page, cut after <see cref="RecordRules.Text"/> characters.</summary>
    public static string Text(string html)
    {
        var reader = new HtmlReader(new StringReader(html));
        var (whole, piece) = (new StringBuilder(), new HtmlText());
        int depth = 0;
        bool isForwarded = false;
        while (reader.Read())
        {
            bool isBlock = reader is { Token: HtmlToken.Start or HtmlToken.End, Name: "blockquote" } && !isForwarded;
            bool begins = reader is { Token: HtmlToken.Start, Name: "div" } && reader.Attribute("id") == "divRplyFwdMsg"; // Outlook's: the rest is quoted
            if (!isBlock && (!begins || isForwarded))
            {
                piece.Add(reader);
                continue;
            }
            int before = depth;
            depth = begins ? Math.Max(depth, 1) : Math.Max(0, depth + (reader.Token == HtmlToken.Start ? 1 : -1));
            isForwarded |= begins;
            if (before > 0 == depth > 0)
                continue;
            Take(before > 0);
        }
        Take(depth > 0);
        return whole.ToString();

        void Take(bool isQuoted)
        {
            foreach (var line in piece.ToString().AsSpan().EnumerateLines())
                if (whole.Length + line.Length + 3 <= RecordRules.Text)
                    whole.Append(whole.Length > 0 ? "\n" : "").Append(isQuoted ? "> " : "").Append(line);
            piece.Clear();
        }
    }
}
