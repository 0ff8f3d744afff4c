using System.Text.Json;
using Trove.Exports.MetaPlatforms;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Instagram;

/// <summary>Reads the sections of an Instagram export, entry by entry.</summary>
internal sealed class InstagramReader : ExportReader
{
    // 2010-10-05, a day before Instagram opened.
    private const long Opened = 1_286_236_800_000;

    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly string _me;
    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);

    public InstagramReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        Account = ReadProfile();
        _me = Account.Length > 0 ? Account : options.Me;
        if (_me.Length > 0)
            _names.Add(_me);
    }

    public override string Account { get; }

    public override string? WhyIgnored(ExportFile file) =>
        InstagramFiles.IsRead(file) ? null
        : InstagramFiles.IsProfile(file) ? "says whose the export is; holds no records"
        : MetaFiles.Stem(file).Length == 0 ? "media, or not in JSON: Instagram offers the export in JSON"
        : "settings, advertising, addresses or other data of the account itself; not read";

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => InstagramFiles.IsProfile(file) || includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() =>
        new MetaChecks(InstagramFiles.Platform, "Instagram opened", Opened, _files, _options.Limits).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        if (MetaThread.Is(file))
        {
            foreach (var record in new MetaThread(InstagramFiles.Platform, _names, _options.Limits, sharesHaveSentences: true).Read(file, log))
                yield return record;
            yield break;
        }
        var section = MetaFiles.Section(file);
        using var stream = file.Open();
        var elements = new JsonReader(stream, _options.Limits, "*[]", "*", "[]");
        while (elements.Read())
        {
            var name = elements.Member.Length > 0 ? MetaFiles.Unversioned(elements.Member) : section;
            if (elements.Value.ValueKind != JsonValueKind.Object || !InstagramFiles.Sections.TryGetValue(name, out var known))
                log.Skip("an element is of no section that is known", $"element {elements.Count}");
            else if (ToRecord(known, elements.Value) is { } record)
                yield return record;
            else
                log.Skip("an entry holds neither text, name, address nor media", $"element {elements.Count}");
        }
    }

    private Record? ToRecord(Section section, JsonValue element)
    {
        if (section.Kind == RecordKind.Post)
            return Post(section, element);
        var entry = InstagramEntry.Read(element);
        var act = new Record { Platform = InstagramFiles.Platform, Kind = section.Kind, Id = entry.Id, Author = _me, Own = true, Time = entry.Time, Url = entry.Url };
        if (entry is { Title: "", Url: "", Values: [] })
            return null;
        switch (section.Kind)
        {
            case RecordKind.Comment:
                return act with
                {
                    Text = entry.Value(0, "Comment"),
                    Meta = Metadata.Of(("of", section.What), ("to", entry.Title.Length > 0 ? entry.Title : entry.Value(1, "Media Owner"))),
                };
            case RecordKind.Vote:
                return act with { Meta = Metadata.Of(("of", section.What), ("to", Other(entry)), ("option", entry.Title.Length > 0 ? entry.Value(0) : "")) };
            case RecordKind.Bookmark:
                return act with { Meta = Metadata.Of(("of", section.What), ("to", Other(entry))) };
            case RecordKind.Search:
                return act with { Text = entry.Value(0, "Search") };
            case RecordKind.View:
                return act with { Meta = Metadata.Of(("of", section.What), ("to", Other(entry))) };
            case RecordKind.Follow:
                return act with { Meta = Metadata.Of(("of", section.What), ("user", User(entry))) };
            default:
                bool isTheirs = section.What == "follower";
                return act with
                {
                    Own = !isTheirs,
                    Author = isTheirs ? User(entry) : _me,
                    Meta = Metadata.Of(("what", section.What), ("user", isTheirs ? "" : User(entry))),
                };
        }
    }

    /// <summary>A post is a list of media, a story one of them; a caption of several media is the post's, of one the medium's.</summary>
    private Record? Post(Section section, JsonValue element)
    {
        var media = element.Get("media"u8) is { ValueKind: JsonValueKind.Array } list ? list : default;
        var first = media.Items().FirstOrDefault();
        var caption = element.Repaired("title"u8) is { Length: > 0 } own ? own : first.Repaired("title"u8);
        var names = Metadata.List(media.ValueKind == JsonValueKind.Array ? media.Media() : [Names.File(element.Text("uri"u8))]);
        return caption.Length == 0 && names.Length == 0 ? null : new Record
        {
            Platform = InstagramFiles.Platform,
            Kind = RecordKind.Post,
            Author = _me,
            Own = true,
            Time = element.UnixSeconds("creation_timestamp"u8) ?? first.UnixSeconds("creation_timestamp"u8),
            Text = caption,
            Meta = Metadata.Of((section.What is "archived" or "deleted" ? "state" : "type", section.What), ("media", names)),
        };
    }

    /// <summary>The other account: the entry's title, else its last name, which newer files nest below the owner.</summary>
    private static string Other(InstagramEntry entry) =>
        entry.Title.Length > 0 ? entry.Title : entry.Value(Math.Max(0, entry.Values.Count - 1), "Username", "Author");

    /// <summary>Who is followed: since 2025 the title, before the value; the address ends in it too.</summary>
    private static string User(InstagramEntry entry) =>
        entry.Value(0) is { Length: > 0 } value ? value : entry.Title.Length > 0 ? entry.Title : Names.File(entry.Url.TrimEnd('/'));

    private string ReadProfile()
    {
        var account = "";
        if (_files.All.FirstOrDefault(file => file.IsReadable && InstagramFiles.IsProfile(file)) is not { } profile)
            return account;
        foreach (var element in Json.ReadSmall(profile, _options.Limits).Get("profile_user"u8).Items())
        {
            foreach (var (label, value) in InstagramEntry.Read(element).Values.Where(pair => pair.Value.Length <= RecordRules.Name))
            {
                if (InstagramFiles.UserNameLabels.Contains(label))
                    account = value;
                else if (InstagramFiles.NameLabels.Contains(label))
                    _names.Add(value);
            }
        }
        return account;
    }
}
