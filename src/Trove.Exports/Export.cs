using System.IO.Compression;
using System.Runtime.InteropServices;
using Trove.Exports.Source;

namespace Trove.Exports;

/// <summary>
/// A platform export: hostile input, read lazily in bounded memory. It knows nothing of networks and writes nothing to disk.
/// Not safe for use by several threads.
/// </summary>
public sealed class Export : IDisposable
{
    // Evidence must not tell when it was made; this is the first date that a ZIP can hold.
    private static readonly DateTimeOffset NoTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly ExportFiles _files;
    private readonly IExportFormat _format;
    private readonly ExportOptions _options;
    private readonly ExportReader _reader;
    private ReportBuilder _report;

    private Export(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        _format = Recognise(files);
        _reader = _format.CreateReader(files, options);
        Account = _reader.Account.Length > 0 ? _reader.Account : options.Me;
        _report = new ReportBuilder(Platform, Account);
    }

    /// <summary>The platform's short name.</summary>
    public string Platform => _format.Platform;

    /// <summary>The account as the export names it, else <see cref="ExportOptions.Me"/>, else empty.</summary>
    public string Account { get; }

    /// <summary>The files that can be read, in the order in which they are.</summary>
    public IEnumerable<string> Files => _files.All.Where(file => file.IsReadable).Select(file => file.Name);

    /// <summary>What was found so far; complete once <see cref="Records"/> was enumerated to its end.</summary>
    public ExportReport Report => _report.Build();

    /// <summary>The platforms that can be read.</summary>
    public static IReadOnlyList<string> Platforms { get; } = [.. ExportFormats.All.Concat(ExportFormats.Generic).Select(format => format.Platform)];

    /// <summary>Opens a ZIP, the several ZIPs of one export, a folder, or loose files; what they are called does not matter.</summary>
    /// <exception cref="ExportException">They cannot be read, or no one platform's export was recognised.</exception>
    public static Export Open(IReadOnlyList<string> paths, ExportOptions? options = null)
    {
        options ??= new ExportOptions();
        return Own(ExportFiles.Open(paths, options.Limits), options);
    }

    /// <summary>Opens a ZIP, or one loose file, from a stream that can seek and that stays the caller's.</summary>
    /// <param name="name">What to call it in messages; for a loose file also what the platform called it.</param>
    /// <param name="content">Read until the export is disposed.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ExportException">It cannot be read, or no one platform's export was recognised.</exception>
    public static Export Open(string name, Stream content, ExportOptions? options = null)
    {
        options ??= new ExportOptions();
        return Own(ExportFiles.Open(name, content, options.Limits), options);
    }

    /// <summary>Opens a ZIP, or one loose file, held in memory: how a verifier parses evidence again.</summary>
    /// <exception cref="ExportException">It cannot be read, or no one platform's export was recognised.</exception>
    public static Export Open(string name, ReadOnlyMemory<byte> content, ExportOptions? options = null) =>
        Open(name, MemoryMarshal.TryGetArray(content, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(content.ToArray(), writable: false), options);

    /// <summary>
    /// The records, file by file, each read when it is asked for. Every enumeration starts anew and fills <see cref="Report"/>.
    /// A bad file or row is reported there and passed over.
    /// </summary>
    /// <exception cref="ExportException">While enumerating: a limit of the export as a whole was passed.</exception>
    public IEnumerable<Record> Records()
    {
        var reader = _format.CreateReader(_files, _options);
        var report = _report = new ReportBuilder(Platform, Account);
        if (Account.Length == 0)
            report.Warn("the export does not say whose it is: name the account (--me), or no message counts as own");
        else if (_options.Me.Length > 0 && !_options.Me.Equals(Account, StringComparison.OrdinalIgnoreCase))
            report.Warn("the export names another account than was given; the export's was used");
        foreach (var file in _files.All)
        {
            var log = report.Start(file.Refused is null ? file.Name : Names.Printable(file.Name));
            if (Reason(reader, file) is { } reason)
            {
                if (file.Refused is null)
                    log.Ignore(reason);
                else
                    log.Fail(reason);
                continue;
            }
            using var records = reader.Read(file, log).GetEnumerator();
            while (Next(records, log) is { } record)
            {
                if (RecordRules.Problem(record) is { } problem)
                {
                    log.Skip($"a record was refused: {problem}", $"record {log.Records + log.Skipped + 1}");
                    continue;
                }
                report.Add(record);
                log.Records++;
                if (report.Records > _options.Limits.Records)
                    throw new ExportException("read export", _files.Subject, $"it holds more than {_options.Limits.Records} records",
                        "import it in parts");
                record.Source = file.Name;
                yield return record;
            }
        }
    }

    /// <summary>Reads everything for the report alone.</summary>
    /// <exception cref="ExportException">A limit of the export as a whole was passed.</exception>
    public ExportReport Inspect()
    {
        foreach (var _ in Records())
        {
        }
        return Report;
    }

    /// <summary>Compares the export with itself: check files, manifests, header copies, tree links, dates.</summary>
    /// <exception cref="ExportException">A limit of the export as a whole was passed.</exception>
    public IReadOnlyList<ExportCheck> Checks() => [.. _format.CreateReader(_files, _options).Checks()];

    /// <summary>
    /// Does evidence hold this file, given the member's choice? Files that say whose the export is, or that back a check of a
    /// chosen file, come along unasked. The account's file may hold its mail address: evidence is for verifiers only.
    /// </summary>
    public bool IsEvidence(string file, Func<string, bool> includeFile) => _files.Find(file) is { } found && _reader.IsEvidence(found, includeFile);

    /// <summary>
    /// Writes the export anew as a ZIP without the files that the member keeps out. Each file's bytes stay as they are;
    /// names are in ordinal order and times fixed, so that the same choice gives the same archive. Opened again like any export.
    /// </summary>
    /// <param name="zip">Written to its end, left open; need not seek.</param>
    /// <param name="includeFile">The choice; see <see cref="IsEvidence"/> for what comes along.</param>
    /// <exception cref="ExportException">An included file cannot be read.</exception>
    public void WriteEvidence(Stream zip, Func<string, bool> includeFile)
    {
        using var archive = new ZipArchive(zip, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var file in _files.All.Where(file => file.IsReadable && _reader.IsEvidence(file, includeFile)))
        {
            var entry = archive.CreateEntry(file.Name, CompressionLevel.Optimal);
            entry.LastWriteTime = NoTime;
            entry.ExternalAttributes = 0;
            try
            {
                using var content = file.Open();
                using var target = entry.Open();
                content.CopyTo(target);
            }
            catch (InvalidDataException e)
            {
                throw new ExportException("write evidence", file.Name, e.Message, "leave this file out", e);
            }
        }
    }

    /// <summary>Closes the files that were opened by path.</summary>
    public void Dispose() => _files.Dispose();

    private static Export Own(ExportFiles files, ExportOptions options)
    {
        try
        {
            return new Export(files, options);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    private static string? Reason(ExportReader reader, ExportFile file) =>
        file.Refused ?? (file.IsJunk ? "left there by the operating system" : reader.WhyIgnored(file));

    private static Record? Next(IEnumerator<Record> records, FileLog log)
    {
        try
        {
            return records.MoveNext() ? records.Current : null;
        }
        catch (Exception e) when (ExportFile.IsFault(e))
        {
            log.Fail(ExportFile.Reason(e));
            return null;
        }
    }

    private static IExportFormat Recognise(ExportFiles files)
    {
        var found = Candidates(files);
        while (found.Count == 0 && files.Unwrap())
            found = Candidates(files);
        if (found.Count == 1)
            return found[0];
        if (found.Count > 1)
            throw new ExportException("open export", files.Subject, $"it holds the exports of {string.Join(" and ", found.Select(format => format.Platform))}",
                "import one platform at a time");
        files.Rewrap(); // whatever the member keeps out of such a folder, the rest keeps its names
        if (ExportFormats.Generic.FirstOrDefault(format => format.Recognise(files) >= ExportFormats.Enough) is { } generic)
            return generic;
        var names = files.All.Where(file => file.IsReadable).Select(file => Names.Printable(file.Name)).ToList();
        var seen = names.Count == 0 ? "no file that can be read" : $"{names.Count} files such as {string.Join(", ", names.Take(5))}";
        bool nested = names.Any(name => name.EndsWith(".zip", StringComparison.OrdinalIgnoreCase));
        throw new ExportException("open export", files.Subject, $"its platform was not recognised ({seen})",
            (nested ? "it holds another ZIP: unpack it once and pass that one; " : "")
            + $"supported are {string.Join(", ", ExportFormats.All.Concat(ExportFormats.Generic).Select(format => $"{format.Platform} ({format.Expects})"))}: pass the ZIP as the platform sent it");
    }

    private static List<IExportFormat> Candidates(ExportFiles files) =>
        [.. ExportFormats.All.Where(format => format.Recognise(files) >= ExportFormats.Enough)];
}
