using System.Text.Json;
using Trove.Exports.MetaPlatforms;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Facebook;

/// <summary>Reads the sections of an export of Facebook or Messenger, entry by entry.</summary>
internal sealed class FacebookReader : ExportReader
{
    // 2004-02-03, a day before Facebook opened.
    private const long Opened = 1_075_766_400_000;

    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly string _me;
    private readonly long? _registered;
    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);

    public FacebookReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        (Account, _registered) = ReadProfile();
        _me = Account.Length > 0 ? Account : options.Me;
        if (_me.Length > 0)
            _names.Add(_me);
    }

    /// <summary>The full name: messages give nothing else of their senders.</summary>
    public override string Account { get; }

    public override string? WhyIgnored(ExportFile file) =>
        FacebookFiles.IsRead(file) ? null
        : FacebookFiles.IsProfile(file) ? "says whose the export is; holds no records"
        : MetaFiles.Stem(file).Length == 0 ? "media, or not in JSON: Facebook offers the export in JSON"
        : "settings, advertising, addresses or other data of the account itself; not read";

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => FacebookFiles.IsProfile(file) || includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() =>
        new MetaChecks(FacebookFiles.Platform, _registered is null ? "Facebook opened" : "the account existed", _registered ?? Opened, _files, _options.Limits).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        if (FacebookFiles.IsThread(file))
        {
            foreach (var record in new MetaThread(FacebookFiles.Platform, _names, _options.Limits, sharesHaveSentences: false).Read(file, log))
                yield return record;
            yield break;
        }
        var section = MetaFiles.Section(file);
        using var stream = file.Open();
        var elements = new JsonReader(stream, _options.Limits, "*[]", "*", "[]");
        while (elements.Read())
        {
            var name = elements.Member.Length > 0 ? MetaFiles.Unversioned(elements.Member) : section;
            var where = $"element {elements.Count}";
            if (elements.Value.ValueKind != JsonValueKind.Object || !FacebookFiles.Sections.TryGetValue(name, out var known))
                log.Skip("an element is of no section that is known", where);
            else if (known.Kind == RecordKind.Post)
                yield return Post(known, elements.Value);
            else if (ToRecord(known, elements.Value) is { } record)
                yield return record;
            else
                log.Skip($"an entry lacks what makes a {known.Kind.Name()}", where);
        }
    }

    private Record? ToRecord(Section section, JsonValue element)
    {
        var act = Act(section.Kind, element);
        switch (section.Kind)
        {
            case RecordKind.Comment:
                var comment = Data(element, "comment"u8);
                var author = comment.Repaired("author"u8);
                return comment.ValueKind != JsonValueKind.Object ? null : act with
                {
                    Author = author.Length > 0 ? author : _me,
                    Own = author.Length == 0 || _names.Contains(author),
                    Time = act.Time ?? comment.UnixSeconds("timestamp"u8),
                    Text = comment.Repaired("comment"u8),
                    Meta = Metadata.Of(("of", section.What), ("group", comment.Repaired("group"u8)), ("links", Links(element)), ("media", Attached(element))),
                };
            case RecordKind.Vote:
                var reaction = Data(element, "reaction"u8);
                var actor = reaction.Repaired("actor"u8);
                return reaction.ValueKind != JsonValueKind.Object ? null : act with
                {
                    Author = actor.Length > 0 ? actor : _me,
                    Own = actor.Length == 0 || _names.Contains(actor),
                    Meta = Metadata.Of(("reaction", reaction.Text("reaction"u8))),
                };
            case RecordKind.Search:
                var words = Data(element, "text"u8) is { ValueKind: JsonValueKind.String } text ? Mojibake.Repair(text.Text())
                    : element.Get("attachments"u8).Items().SelectMany(attachment => attachment.Get("data"u8).Items()).Select(item => item.Repaired("text"u8)).FirstOrDefault("");
                return words.Length == 0 ? null : act with { Text = Unquoted(words) };
            case RecordKind.Bookmark:
                return act with { Url = FirstLink(element), Meta = Metadata.Of(("links", Links(element)), ("name", External(element).Select(context => context.Repaired("name"u8)).FirstOrDefault(""))) };
            case RecordKind.Follow:
                return Name(element) is { Length: > 0 } followed ? act with { Meta = Metadata.Of(("of", section.What), ("user", followed)) } : null;
            default:
                bool isTheirs = section.What == "follower";
                return Name(element) is not { Length: > 0 } other ? null : act with
                {
                    Own = !isTheirs,
                    Author = isTheirs ? other : _me,
                    Meta = Metadata.Of(("what", section.What), ("user", isTheirs ? "" : other)),
                };
        }
    }

    /// <summary>The element's own title is a sentence by Facebook ("Fen updated her status."), but for a note, whose title was written.</summary>
    private Record Post(Section section, JsonValue element)
    {
        bool isNote = section.What == "note";
        var text = isNote ? element.Repaired("text"u8) : Mojibake.Repair(Data(element, "post"u8).Text());
        var tags = element.Get("tags"u8).Items().Select(tag => tag.ValueKind == JsonValueKind.String ? Mojibake.Repair(tag.Text()) : tag.Repaired("name"u8));
        return Act(RecordKind.Post, element) with
        {
            Title = isNote ? element.Repaired("title"u8) : "",
            Text = text.Length > 0 ? text : Descriptions(element),
            Url = FirstLink(element),
            Meta = Metadata.Of(("type", section.What), ("links", Links(element)), ("media", Attached(element)), ("tags", Metadata.List(tags, '\n')),
                ("place", Attachments(element, "place"u8).Select(place => place.Repaired("name"u8)).FirstOrDefault(""))),
        };
    }

    private Record Act(RecordKind kind, JsonValue element) => new()
    {
        Platform = FacebookFiles.Platform,
        Kind = kind,
        Id = element.Text("fbid"u8),
        Author = _me,
        Own = true,
        Time = element.UnixSeconds("timestamp"u8) ?? element.UnixSeconds("created_timestamp"u8),
    };

    /// <summary>The first value of this name in <c>data</c>, a list of objects of one member each.</summary>
    private static JsonValue Data(JsonValue element, ReadOnlySpan<byte> name)
    {
        foreach (var item in element.Get("data"u8).Items())
        {
            if (item.Get(name) is { ValueKind: not JsonValueKind.Undefined } value)
                return value;
        }
        return default;
    }

    private static List<JsonValue> Attachments(JsonValue element, ReadOnlySpan<byte> name)
    {
        var found = new List<JsonValue>();
        foreach (var attachment in element.Get("attachments"u8).Items())
        {
            foreach (var item in attachment.Get("data"u8).Items())
            {
                if (item.Get(name) is { ValueKind: JsonValueKind.Object } value)
                    found.Add(value);
            }
        }
        return found;
    }

    private static List<JsonValue> External(JsonValue element) => Attachments(element, "external_context"u8);

    private static string FirstLink(JsonValue element) => External(element).Select(context => context.Text("url"u8)).FirstOrDefault("");

    private static string Links(JsonValue element) => Metadata.List(External(element).Select(context => context.Text("url"u8)));

    private static string Attached(JsonValue element) => Metadata.List(Attachments(element, "media"u8).Select(media => Names.File(media.Text("uri"u8))));

    /// <summary>A photo's own words, where the post has none; several photos of one post repeat them.</summary>
    private static string Descriptions(JsonValue element) =>
        string.Join('\n', Attachments(element, "media"u8).Select(media => media.Repaired("description"u8)).Where(text => text.Length > 0).Distinct());

    private static string Name(JsonValue element) => element.Repaired("name"u8) is { Length: > 0 } name ? name : element.Repaired("title"u8);

    private static string Unquoted(string words) => words is ['"', .., '"'] ? words[1..^1] : words;

    private (string Account, long? Registered) ReadProfile()
    {
        if (_files.All.FirstOrDefault(file => file.IsReadable && FacebookFiles.IsProfile(file)) is not { } file)
            return ("", null);
        var root = Json.ReadSmall(file, _options.Limits);
        var profile = root.Get("profile_v2"u8) is { ValueKind: JsonValueKind.Object } second ? second : root.Get("profile"u8);
        var name = profile.Get("name"u8).Repaired("full_name"u8);
        return (name.Length <= RecordRules.Name ? name : "", profile.UnixSeconds("registration_timestamp"u8));
    }
}
