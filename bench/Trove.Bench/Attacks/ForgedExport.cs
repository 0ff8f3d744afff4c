using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Trove.Exports;

namespace Trove.Bench.Attacks;

/// <summary>A Reddit export as somebody writes it who changes a real one, and does not think of everything.</summary>
public static class ForgedExport
{
    /// <summary>What the forger forgets.</summary>
    public enum Slip
    {
        /// <summary>Nothing: the export agrees with itself.</summary>
        None,

        /// <summary>The copy of the table without bodies has the real one's ids.</summary>
        Headers,

        /// <summary>The list of files has the real ones' hashes.</summary>
        Checkfile,

        /// <summary>Comments from before the account was made.</summary>
        Times,
    }

    /// <summary>Does a check of the export find that it contradicts itself?</summary>
    public static bool IsFound(IReadOnlyList<string> texts, Slip slip, int seed)
    {
        using var export = Export.Open("reddit.zip", Make(texts, slip, seed));
        return export.Checks().Any(c => c.Outcome == CheckOutcome.Failed);
    }

    private static byte[] Make(IReadOnlyList<string> texts, Slip slip, int seed)
    {
        var comments = new StringBuilder("id,permalink,date,ip,subreddit,gildings,link,parent,body,media\n");
        var headers = new StringBuilder("id,permalink,date,ip,subreddit,gildings,link,parent\n");
        var made = new DateTime(2019, 3, 1, 0, 0, 0, DateTimeKind.Utc).AddDays(seed);
        for (int i = 0; i < texts.Count; i++)
        {
            string id = $"h{seed:x4}{i:x4}", date = made.AddHours(slip == Slip.Times && i == texts.Count / 2 ? -40 : 7 * (i + 1)).ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
            string row = $"https://www.reddit.com/r/tides/comments/abc/x/{id}/,{date},,tides,0,https://www.reddit.com/r/tides/comments/abc/x/,";
            comments.Append($"{id},{row},{texts[i]},\n");
            headers.Append($"{(slip == Slip.Headers && i == texts.Count / 2 ? "h0000000" : id)},{row}\n");
        }
        string statistics = $"statistic,value\naccount name,member{seed}\ncreated_utc,{made:yyyy-MM-dd HH:mm:ss} UTC\nexport time,2026-01-01 00:00:00 UTC\n";
        var files = new Dictionary<string, byte[]>
        {
            ["comments.csv"] = Encoding.UTF8.GetBytes(comments.ToString()), ["comment_headers.csv"] = Encoding.UTF8.GetBytes(headers.ToString()),
            ["statistics.csv"] = Encoding.UTF8.GetBytes(statistics),
        };
        var list = new StringBuilder("filename,sha256\n");
        foreach (var (name, bytes) in files)
            list.Append($"{name},{Convert.ToHexStringLower(SHA256.HashData(slip == Slip.Checkfile && name == "comments.csv" ? [.. bytes, 10] : bytes))}\n");
        files["checkfile.csv"] = Encoding.UTF8.GetBytes(list.ToString());
        using var zip = new MemoryStream();
        using (var archive = new ZipArchive(zip, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in files)
            {
                using var entry = archive.CreateEntry(name).Open();
                entry.Write(bytes);
            }
        }
        return zip.ToArray();
    }
}
