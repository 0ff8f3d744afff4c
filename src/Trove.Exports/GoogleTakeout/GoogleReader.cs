using System.Globalization;
using System.Text.Json;
using Trove.Exports.Bookmarks;
using Trove.Exports.Mbox;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.GoogleTakeout;

/// <summary>Reads Google's Takeout and timelines. Everything in it was done by the account, but for mails and notes of others.</summary>
internal sealed class GoogleReader : ExportReader
{
    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly Dictionary<ExportFile, GoogleFiles.Sort> _sorts = [];
    private readonly bool _isTakeout;
    private readonly MailAccount _mailAccount;
    private readonly MailReader _mails;
    private readonly string _me;
    private bool _told;

    public GoogleReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        _isTakeout = GoogleFiles.IsTakeout(files);
        var profile = ReadProfile();
        _mailAccount = profile.Length > 0 ? default : MailAccount.Find(Mails, options.Limits);
        Account = profile.Length > 0 ? profile : _mailAccount.Address;
        _me = Account.Length > 0 ? Account : options.Me;
        _mails = new MailReader(GoogleFiles.Platform, _me, options.Limits.RowLength);
    }

    public override string Account { get; }

    private IEnumerable<ExportFile> Mails => _isTakeout ? _files.All.Where(file => file.IsReadable && MboxFiles.IsNamed(file.Name) && SortOf(file) == GoogleFiles.Sort.Mail) : [];

    public override string? WhyIgnored(ExportFile file)
    {
        var sort = SortOf(file);
        return GoogleFiles.NeedsTakeout(sort) && !_isTakeout ? "outside of the folder Takeout it may be another program's: import it by itself"
            : GoogleFiles.IsRead(sort) ? null
            : sort == GoogleFiles.Sort.Profile ? "data of the account itself; only its address is taken over"
            : sort == GoogleFiles.Sort.KeepPage ? "the same note as its JSON beside it"
            : Ends(".docx", ".pdf", ".pptx", ".xlsx", ".odt") ? "a document in a form that is not read: export documents as HTML"
            : Ends(".json", ".html", ".csv", ".mbox") ? "of a product whose files are not read"
            : "media or an attached file";

        bool Ends(params ReadOnlySpan<string> endings)
        {
            foreach (var ending in endings)
                if (file.Name.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
                    return true;
            return false;
        }
    }

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) =>
        GoogleFiles.IsProfile(file.Name) || Names.File(file.Name).Equals(GoogleFiles.Index, StringComparison.OrdinalIgnoreCase) || includeFile(file.Name)
        || (file.Name.EndsWith(".html", StringComparison.OrdinalIgnoreCase) && _files.Find(Path.ChangeExtension(file.Name, ".json")) is { } note && includeFile(note.Name) && SortOf(note) == GoogleFiles.Sort.Keep);

    public override IEnumerable<ExportCheck> Checks() => new GoogleChecks(_files, this, [.. Mails], _me, _options.Limits).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log) => SortOf(file) switch
    {
        GoogleFiles.Sort.Activity => Activities(file, log),
        GoogleFiles.Sort.ActivityPage => ActivityPage(file, log),
        GoogleFiles.Sort.Table => GoogleTables.Read(file, _options.Limits, log, _me),
        GoogleFiles.Sort.Bookmarks => Bookmarks(file),
        GoogleFiles.Sort.Mail => Mail(file, log),
        GoogleFiles.Sort.Keep => KeepNote(file, log),
        GoogleFiles.Sort.Document => Document(file, log),
        GoogleFiles.Sort.History => Elements(file, log, "Browser History[]", page => Page(page) is { } record ? [record] : []),
        var sort => Elements(file, log, GooglePlaces.PathOf(sort), element => GooglePlaces.Of(element, sort, _me)),
    };

    /// <summary>What a file is, found out once.</summary>
    public GoogleFiles.Sort SortOf(ExportFile file) => _sorts.TryGetValue(file, out var known) ? known : _sorts[file] = GoogleFiles.Of(file);

    private IEnumerable<Record> Elements(ExportFile file, FileLog log, string path, Func<JsonValue, IEnumerable<Record>> read)
    {
        using var stream = file.Open();
        var elements = new JsonReader(stream, _options.Limits, path);
        while (elements.Read())
        {
            bool any = false;
            foreach (var record in read(elements.Value))
            {
                any = true;
                yield return record;
            }
            if (!any)
                log.Skip("an element that tells neither a page, an activity nor a place", $"element {elements.Count}");
        }
    }

    private Record? Page(JsonValue page) => page.Text("url"u8) is not { Length: > 0 and <= RecordRules.Url } url ? null : Act(RecordKind.View) with
    {
        Time = page.Get("time_usec"u8).Number() is { } microseconds ? Times.FromUnixMilliseconds(microseconds / 1000) : null,
        Url = url,
        Meta = Metadata.Of(("product", "Chrome"), ("title", Short(page.Text("title"u8))), ("transition", Short(page.Text("page_transition"u8)))),
    };

    private IEnumerable<Record> Activities(ExportFile file, FileLog log)
    {
        long mixed = 0;
        foreach (var record in Elements(file, log, "[]", element =>
        {
            var activity = GoogleActivity.Of(element);
            mixed += activity.IsPromptMixed ? 1 : 0;
            return activity.ToRecords(_me);
        }))
            yield return record;
        Tell(log, mixed, 0);
    }

    private IEnumerable<Record> ActivityPage(ExportFile file, FileLog log)
    {
        using var stream = file.Open();
        var page = new GoogleActivityPage(stream);
        long mixed = 0, undated = 0;
        while (page.Next() is { } activity)
        {
            mixed += activity.IsPromptMixed ? 1 : 0;
            undated += activity.Time is null ? 1 : 0;
            foreach (var record in activity.ToRecords(_me))
                yield return record;
        }
        Tell(log, mixed, undated);
    }

    private static void Tell(FileLog log, long mixed, long undated)
    {
        if (mixed > 0)
            log.Warn($"{mixed} prompts begin with words that Google put there in the account's language");
        if (undated > 0)
            log.Warn($"the dates of {undated} activities are in a language or zone that is not known: they were kept as they stand; Takeout gives JSON too");
    }

    private IEnumerable<Record> Bookmarks(ExportFile file)
    {
        using var stream = file.Open();
        foreach (var bookmark in BookmarkList.Read(stream).Where(bookmark => bookmark is { IsQuery: false, Url.Length: > 0 }))
            yield return bookmark.ToRecord(GoogleFiles.Platform, _me);
    }

    private IEnumerable<Record> Mail(ExportFile file, FileLog log)
    {
        if (!_told && _mailAccount.Source is { Length: > 0 } source)
            log.Warn($"the account is {source}: no profile says whose the export is");
        _told = true;
        return _mails.Read(file, log);
    }

    /// <summary>A note of Keep, of a text or a list.</summary>
    private IEnumerable<Record> KeepNote(ExportFile file, FileLog log)
    {
        var note = Json.ReadSmall(file, _options.Limits);
        if (note.ValueKind == JsonValueKind.Undefined)
            throw new InvalidDataException($"it is no JSON, or longer than {Json.SmallFile} bytes");
        var items = note.Get("listContent"u8).Items().Select(item => item.Text("text"u8)).ToList();
        var text = note.Text("textContent"u8);
        if (items.Count > 0)
            text += (text.Length > 0 ? "\n" : "") + string.Join('\n', items);
        var owner = note.Get("sharees"u8).Items().FirstOrDefault(sharee => sharee.IsTrue("isOwner"u8)).Text("email"u8);
        bool isOthers = owner.Length > 0 && !owner.Equals(_me, StringComparison.OrdinalIgnoreCase);
        if (text.Length == 0 && note.Text("title"u8).Length == 0)
        {
            log.Skip("a note without words", "note 1");
            yield break;
        }
        int done = note.Get("listContent"u8).Items().Count(item => item.IsTrue("isChecked"u8));
        yield return Act(RecordKind.Note) with
        {
            Author = isOthers ? Short(owner) : _me,
            Own = !isOthers,
            Time = Microseconds(note, "createdTimestampUsec"u8) ?? Microseconds(note, "userEditedTimestampUsec"u8),
            Title = note.Text("title"u8),
            Text = text,
            Meta = Metadata.Of(
                ("attachments", Metadata.List(note.Get("attachments"u8).Items().Select(attachment => attachment.Text("filePath"u8)), '\n')),
                ("checked", done > 0 ? done.ToString(CultureInfo.InvariantCulture) : ""),
                ("labels", Metadata.List(note.Get("labels"u8).Items().Select(label => label.Text("name"u8)), ',')),
                ("links", Metadata.List(note.Get("annotations"u8).Items().Select(annotation => annotation.Text("url"u8)))),
                ("product", "Keep"),
                ("state", note.IsTrue("isTrashed"u8) ? "trashed" : note.IsTrue("isArchived"u8) ? "archived" : "")),
        };
    }

    /// <summary>A document written in Google Docs. Who wrote which of its words it does not say.</summary>
    private IEnumerable<Record> Document(ExportFile file, FileLog log)
    {
        using var stream = file.Open();
        var html = HtmlReader.Open(stream);
        var text = new HtmlText();
        while (html.Read())
            text.Add(html);
        if (text.IsCut)
            log.Warn("the document is longer than a record may be and was cut");
        log.Warn("a document does not say who wrote it: it was taken for the account's words");
        yield return Act(RecordKind.Note) with { Title = Short(Names.File(file.Name)[..^5]), Text = text.ToString(), Meta = Metadata.Of(("product", "Docs")) };
    }

    private Record Act(RecordKind kind) => new() { Platform = GoogleFiles.Platform, Kind = kind, Author = _me, Own = true };

    private static long? Microseconds(JsonValue element, ReadOnlySpan<byte> name) => element.Get(name).Number() is { } microseconds ? Times.FromUnixMilliseconds(microseconds / 1000) : null;

    private static string Short(string value) => value.Length <= RecordRules.Name ? value : "";

    /// <summary>The first address of the profile.</summary>
    private string ReadProfile()
    {
        foreach (var file in _files.All.Where(file => file.IsReadable && GoogleFiles.IsProfile(file.Name)))
        {
            var profile = Json.ReadSmall(file, _options.Limits);
            if (profile.Get("displayName"u8).ValueKind == JsonValueKind.String && profile.Get("emails"u8).Items().FirstOrDefault().Text("value"u8) is { Length: > 0 and <= RecordRules.Name } address)
                return address.ToLowerInvariant();
        }
        return "";
    }
}
