using System.Security.Cryptography;
using System.Text;
using Trove.Core;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Reddit;

/// <summary>Does a Reddit export agree with itself (specs/exports/reddit.md)?</summary>
internal sealed class RedditChecks(ExportFiles files, ExportOptions options, string created, string exported)
{
    private const int MostNames = 5;

    public IEnumerable<ExportCheck> Run()
    {
        yield return Try("reddit.checkfile", Checkfile);
        yield return Try("reddit.comment-headers", name => Headers(name, RedditFiles.Comments));
        yield return Try("reddit.post-headers", name => Headers(name, RedditFiles.Posts));
        yield return Try("reddit.message-headers", name => Headers(name, RedditFiles.Messages, RedditFiles.ArchivedMessages));
        yield return Try("reddit.times", Dates);
    }

    private static ExportCheck Try(string name, Func<string, ExportCheck> check)
    {
        try
        {
            return check(name);
        }
        catch (Exception e) when (ExportFile.IsFault(e))
        {
            return ExportCheck.Failed(name, "a file that it needs cannot be read");
        }
    }

    private IEnumerable<ExportFile> OfTable(string table) => files.All.Where(file => file.IsReadable && RedditFiles.Table(file) == table);

    /// <summary>
    /// Every file that is here has the hash that the check file gives it, and is listed there. A listed file that is not here
    /// was left out by the member.
    /// </summary>
    private ExportCheck Checkfile(string name)
    {
        if (OfTable(RedditFiles.Checkfile).FirstOrDefault() is not { } file)
            return ExportCheck.Absent(name, "there is no checkfile.csv");
        var log = new FileLog(file.Name);
        var listed = new Dictionary<string, Hash32>(StringComparer.Ordinal);
        int absent = 0;
        using (var rows = CsvTable.Open(file.Open(), options.Limits, log, "filename", "sha256"))
        {
            while (rows.Read())
            {
                var listedName = Names.Normalise(rows["filename"]);
                if (!Hash32.TryParse(rows["sha256"].Trim(), out var hash))
                    return ExportCheck.Failed(name, $"line {rows.Line} of the check file holds no SHA-256");
                if (files.Find(listedName) is not { } present)
                    absent++;
                else if (!listed.TryAdd(present.Name, hash) && listed[present.Name] != hash)
                    return ExportCheck.Failed(name, $"the check file gives {Names.Printable(listedName)} two hashes");
            }
        }
        if (log.Skipped > 0)
            return ExportCheck.Failed(name, "the check file has malformed rows");
        var wrong = new List<string>();
        foreach (var present in files.All.Where(present => present.IsReadable && present != file && RedditFiles.IsKnown(RedditFiles.Table(present))))
        {
            if (!listed.TryGetValue(present.Name, out var hash))
                wrong.Add($"{Names.Printable(present.Name)} (not listed)");
            else if (Sha256(present) != hash)
                wrong.Add(Names.Printable(present.Name));
        }
        return wrong.Count > 0
            ? ExportCheck.Failed(name, $"{wrong.Count} files do not have the listed SHA-256: {string.Join(", ", wrong.Take(MostNames))}")
            : listed.Count == 0 ? ExportCheck.Absent(name, "none of the listed files is here")
            : ExportCheck.Passed(name, $"{listed.Count} files have the listed SHA-256; {absent} listed files are not here");
    }

    private static Hash32 Sha256(ExportFile file)
    {
        using var stream = file.Open();
        return new Hash32(SHA256.HashData(stream));
    }

    /// <summary>A table and its bodyless copy hold the same ids and dates, in whatever order.</summary>
    private ExportCheck Headers(string name, params ReadOnlySpan<string> tables)
    {
        long compared = 0;
        bool any = false;
        foreach (var table in tables)
        {
            var originals = OfTable(table).ToList();
            var copies = OfTable(CopyOf(table)).ToList();
            if (copies.Count == 0 || originals.Count == 0)
                continue;
            any = true;
            var (rows, sum) = Fingerprint(originals);
            var (copiedRows, copiedSum) = Fingerprint(copies);
            if (rows != copiedRows)
                return ExportCheck.Failed(name, $"{table} has {rows} rows, its copy {copiedRows}");
            if (sum != copiedSum)
                return ExportCheck.Failed(name, $"{table} and its copy have {rows} rows each, but other ids or dates");
            compared += rows;
        }
        return any ? ExportCheck.Passed(name, $"{compared} rows agree in id and date") : ExportCheck.Absent(name, "the table or its copy is not here");
    }

    /// <summary>An export with messages_archive.csv alone may call its copy message_headers.csv all the same.</summary>
    private string CopyOf(string table) => table != RedditFiles.ArchivedMessages ? RedditFiles.Headers[table]
        : OfTable(RedditFiles.ArchivedMessageHeaders).Any() || OfTable(RedditFiles.Messages).Any() ? RedditFiles.ArchivedMessageHeaders
        : RedditFiles.MessageHeaders;

    /// <summary>
    /// A sum of hashes does not depend on the order of rows and needs no memory for them. It finds careless edits, which is
    /// all that comparing two files of the same unsigned export can find.
    /// </summary>
    private (long Rows, UInt128 Sum) Fingerprint(List<ExportFile> tables)
    {
        long rows = 0;
        UInt128 sum = 0;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        foreach (var file in tables)
        {
            var log = new FileLog(file.Name);
            using var table = CsvTable.Open(file.Open(), options.Limits, log, "id", "date");
            while (table.Read())
            {
                SHA256.HashData(Encoding.UTF8.GetBytes($"{table["id"]}\n{table["date"].Trim()}"), hash);
                sum = unchecked(sum + System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(hash));
                rows++;
            }
            rows += log.Skipped; // a malformed row on one side only must not pass
        }
        return (rows, sum);
    }

    /// <summary>Nothing was written before the account existed or after the export was made.</summary>
    private ExportCheck Dates(string name)
    {
        long? first = Times.Parse(created), last = Times.Parse(exported);
        if (first is null && last is null)
            return ExportCheck.Absent(name, "the export gives neither the account's first day nor its own date");
        long dated = 0, outside = 0;
        foreach (var file in OfTable(RedditFiles.Comments).Concat(OfTable(RedditFiles.Posts)))
        {
            using var rows = CsvTable.Open(file.Open(), options.Limits, new FileLog(file.Name), "date");
            while (rows.Read())
            {
                if (Times.Parse(rows["date"]) is not { } time)
                    continue;
                dated++;
                outside += time < first || time > last ? 1 : 0;
            }
        }
        return dated == 0 ? ExportCheck.Absent(name, "no post or comment has a date")
            : outside > 0 ? ExportCheck.Failed(name, $"{outside} of {dated} posts and comments are dated before the account existed or after the export was made")
            : ExportCheck.Passed(name, $"{dated} posts and comments are dated within the account's life");
    }
}
