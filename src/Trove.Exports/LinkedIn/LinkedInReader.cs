using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.LinkedIn;

/// <summary>Reads the tables of a LinkedIn export. Mail addresses of others are never taken over.</summary>
internal sealed class LinkedInReader : ExportReader
{
    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly string _me;

    public LinkedInReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        Account = ReadProfile();
        _me = Account.Length > 0 ? Account : options.Me;
    }

    /// <summary>First and last name: messages give both in one, and the address of the profile is not in the export.</summary>
    public override string Account { get; }

    public override string? WhyIgnored(ExportFile file)
    {
        var table = LinkedInFiles.Table(file);
        return LinkedInFiles.Tables.ContainsKey(table) ? null
            : table == LinkedInFiles.Profile ? "says whose the export is; holds no records"
            : "settings, career, addresses or other data of the account itself; not read";
    }

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => LinkedInFiles.Table(file) == LinkedInFiles.Profile || includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => [new LinkedInChecks(_files, _options.Limits).Dates("linkedin.times")];

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        var table = LinkedInFiles.Table(file);
        using var rows = Open(file, table, _options.Limits, log);
        while (rows.Read())
            yield return ToRecord(table, rows, log);
    }

    /// <summary>Opens a table in its dialect.</summary>
    public static CsvTable Open(ExportFile file, string table, ExportLimits limits, FileLog log) =>
        CsvTable.Open(file.Open(), limits, log, CsvDialect.Preamble | (table == LinkedInFiles.Comments ? CsvDialect.Backslashes : CsvDialect.None), LinkedInFiles.Tables[table]);

    /// <summary>LinkedIn writes UTC without saying so.</summary>
    public static long? Time(string date) => Times.Parse(date) ?? Times.ParseDated(date) ?? Times.Exactly(date, "yyyy-MM-dd HH:mm:ss", "yyyy/MM/dd HH:mm:ss 'UTC'");

    /// <summary>The post in a link, <c>…/urn%3Ali%3Aactivity%3A123?…</c>, such as <c>urn:li:activity:123</c>; empty when there is none.</summary>
    public static string Urn(string link)
    {
        var text = link.Contains('%') ? Uri.UnescapeDataString(link) : link;
        int start = text.IndexOf("urn:li:", StringComparison.Ordinal);
        if (start < 0)
            return "";
        var rest = text.AsSpan(start);
        int end = rest.IndexOfAny("/?&,()");
        var urn = end < 0 ? rest : rest[..end];
        return urn.Length <= RecordRules.Id && RecordRules.WellFormed(urn) ? urn.ToString() : "";
    }

    private Record ToRecord(string table, CsvTable row, FileLog log)
    {
        switch (table)
        {
            case LinkedInFiles.Shares:
                return Act(RecordKind.Post, row, "Date", log) with
                {
                    Id = Urn(row["ShareLink"]),
                    Thread = Urn(row["ShareLink"]),
                    Text = Commentary(row["ShareCommentary"]),
                    Url = row["ShareLink"],
                    Meta = Metadata.Of(("links", row["SharedUrl"]), ("media", row["MediaUrl"]), ("visibility", row["Visibility"])),
                };
            case LinkedInFiles.Comments:
                return Act(RecordKind.Comment, row, "Date", log) with { Thread = Urn(row["Link"]), Text = row["Message"], Url = row["Link"] };
            case LinkedInFiles.Reactions:
                return Act(RecordKind.Vote, row, "Date", log) with { Thread = Urn(row["Link"]), Url = row["Link"], Meta = Metadata.Of(("reaction", row["Type"])) };
            case LinkedInFiles.Votes:
                return Act(RecordKind.Vote, row, "Date", log) with { Thread = Urn(row["VoteLink"]), Url = row["VoteLink"], Meta = Metadata.Of(("of", "poll"), ("option", row["OptionText"])) };
            case LinkedInFiles.Reposts:
                return Act(RecordKind.Other, row, "Date", log) with { Thread = Urn(row["Link"]), Url = row["Link"], Meta = Metadata.Of(("what", "repost")) };
            case LinkedInFiles.Messages:
                return Base(RecordKind.Message) with
                {
                    Thread = row["CONVERSATION ID"],
                    Author = row["FROM"],
                    Own = IsMe(row["FROM"]),
                    Time = Time(row, "DATE", log),
                    Title = row["SUBJECT"],
                    Text = row["CONTENT"],
                    Meta = Metadata.Of(("to", row["TO"]), ("conversation", row["CONVERSATION TITLE"]), ("folder", row["FOLDER"]),
                        ("state", row["IS MESSAGE DRAFT"].Equals("Yes", StringComparison.OrdinalIgnoreCase) ? "draft" : "")),
                };
            case LinkedInFiles.Invitations:
                bool isMine = row["Direction"].Equals("OUTGOING", StringComparison.OrdinalIgnoreCase);
                return Base(row["Message"].Length > 0 ? RecordKind.Message : RecordKind.Other) with
                {
                    Author = row["From"],
                    Own = isMine,
                    Text = row["Message"],
                    Meta = Metadata.Of(("what", "invitation"), ("to", row["To"]), ("date", row["Sent At"])), // in the member's language and zone
                };
            case LinkedInFiles.Connections:
                return Act(RecordKind.Follow, row, "", log) with
                {
                    Time = Times.Exactly(row["Connected On"], "dd MMM yyyy", "d MMM yyyy", "yyyy-MM-dd"),
                    Url = row["URL"],
                    Meta = Metadata.Of(("user", Name(row)), ("company", row["Company"]), ("position", row["Position"]), ("precision", "day")),
                };
            case LinkedInFiles.Companies:
                return Act(RecordKind.Follow, row, "Followed On", log) with { Meta = Metadata.Of(("of", "company"), ("user", row["Organization"])) };
            case LinkedInFiles.Members:
                return Act(RecordKind.Follow, row, "Date", log) with { Meta = Metadata.Of(("user", row["FullName"]), ("state", row["Status"])) };
            case LinkedInFiles.Hashtags:
                return Act(RecordKind.Follow, row, "CreatedTime", log) with { Meta = Metadata.Of(("of", "hashtag"), ("user", row["HashTag"])) };
            case LinkedInFiles.Searches:
                return Act(RecordKind.Search, row, "Time", log) with { Text = row["Search Query"] };
            case LinkedInFiles.Saved:
                return Act(RecordKind.Bookmark, row, "CreatedTime", log) with { Thread = Urn(row["savedItem"]), Url = row["savedItem"] };
            case LinkedInFiles.Given or LinkedInFiles.Received:
                bool given = table == LinkedInFiles.Given;
                return Act(RecordKind.Post, row, "Creation Date", log) with
                {
                    Author = given ? _me : Name(row),
                    Own = given,
                    Text = row["Text"],
                    Meta = Metadata.Of(("what", "recommendation"), ("to", given ? Name(row) : _me), ("status", row["Status"])),
                };
            default:
                throw new InvalidOperationException($"no mapping for the table {table}");
        }
    }

    private static Record Base(RecordKind kind) => new() { Platform = LinkedInFiles.Platform, Kind = kind };

    private Record Act(RecordKind kind, CsvTable row, string date, FileLog log) =>
        Base(kind) with { Author = _me, Own = true, Time = date.Length > 0 ? Time(row, date, log) : null };

    private bool IsMe(string name) => _me.Length > 0 && name.Equals(_me, StringComparison.OrdinalIgnoreCase);

    private static string Name(CsvTable row) => $"{row["First Name"]} {row["Last Name"]}".Trim();

    private static long? Time(CsvTable row, string column, FileLog log)
    {
        var date = row[column];
        long? time = Time(date);
        if (time is null && date.Length > 0)
            log.Warn($"line {row.Line}: the date is in a form whose time zone or order is not known and was left out");
        return time;
    }

    /// <summary>LinkedIn puts each line of a share in quotes of its own and doubles those inside: <c>"one"⏎"two"</c>.</summary>
    private static string Commentary(string text)
    {
        if (!text.Contains("\"\n\"", StringComparison.Ordinal))
            return text;
        var start = text.StartsWith('"') ? 1 : 0;
        var end = text.Length - (text.EndsWith('"') && text.Length > start ? 1 : 0);
        return text[start..end].Replace("\"\n\"", "\n").Replace("\"\"", "\"");
    }

    private string ReadProfile()
    {
        if (_files.All.FirstOrDefault(file => file.IsReadable && LinkedInFiles.Table(file) == LinkedInFiles.Profile) is not { } file)
            return "";
        try
        {
            using var rows = CsvTable.Open(file.Open(), _options.Limits, new FileLog(file.Name), CsvDialect.Preamble, LinkedInFiles.ProfileColumns);
            return rows.Read() && Name(rows) is { Length: <= RecordRules.Name } name ? name : "";
        }
        catch (Exception e) when (ExportFile.IsFault(e))
        {
            return ""; // without it the account is unknown, and the report says so
        }
    }
}
