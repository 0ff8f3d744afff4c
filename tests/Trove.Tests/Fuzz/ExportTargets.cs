using System.Buffers;
using System.IO.Compression;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Trove.Exports;
using Trove.Exports.Mbox;
using Trove.Exports.Notes;
using Trove.Exports.Slack;
using Trove.Exports.Source;
using Trove.Exports.Text;
using Trove.Exports.WhatsApp;
using Trove.Tests.Exports;
using Record = Trove.Exports.Record;
using static Trove.Tests.Fuzz.FuzzCheckException;
using static Trove.Tests.Fuzz.FuzzTarget;

namespace Trove.Tests.Fuzz;

/// <summary>Archives, tables, conversations, records and parts: what members and strangers drop into Trove.</summary>
internal static class ExportTargets
{
    private static readonly ExportLimits Limits = new() { RowLength = 2000, Columns = 16, JsonValueBytes = 1 << 16 };

    // Small numbers of files and bytes, so that what a limit stops shows as memory when it does not.
    private static readonly ExportOptions Options = new() { Me = "me", Limits = new ExportLimits { Entries = 50, NameLength = 100, EntryBytes = 1 << 20, TotalBytes = 1 << 21, RowLength = 20_000, Columns = 40, JsonValueBytes = 1 << 18, Records = 2000 } };

    private static readonly Dictionary<string, byte[]> Reddit = Some("reddit", "comments.csv", "comment_headers.csv", "statistics.csv", "posts.csv"), ChatGpt = Some("chatgpt", "conversations.json", "user.json"),
        X = Some("x", Tweets, "data/account.js", "data/like.js"), LinkedIn = Some("linkedin", "Shares.csv", "Profile.csv"), Instagram = Some("instagram", Likes, Thread, "your_instagram_activity/media/stories.json");

    private const string Tweets = "data/tweets.js", Likes = "your_instagram_activity/likes/liked_posts.json", Thread = "your_instagram_activity/messages/inbox/otterbob_1122334455667788/message_1.json";

    private static readonly Dictionary<string, byte[]> NoFiles = [];

    private static readonly IReadOnlyList<byte[]> JsonTokens = Text("\\ud800", "\\u0000", "\"parts\":[{}]", "\"children\":[\"a\"]", "\"parent\":null", "1e400", "\"create_time\":\"1\"", "\"mapping\":{}");

    private static readonly PartKey Key = new(RecordKind.Comment, 2020);

    public static IEnumerable<FuzzTarget> All() =>
    [
        new("zip", ["ZipReader.Read", "ZipReader.Recognise", "ExportFiles.Open", "Export.Open"], [ExportFixture.Zip(Reddit), ExportFixture.Zip(Small(), CompressionLevel.NoCompression), Zip64()], Open,
            o => o is ExportException e && e.Message.Contains("overlap", StringComparison.Ordinal), typeof(ExportException)) { Cost = 20, Memory = 48 << 20, Tokens = [[.. "PK\u0001\u0002"u8], [.. "PK\u0003\u0004"u8], [.. "PK\u0005\u0006"u8], [1, 0, 8, 0], [0xFF, 0xFF, 0xFF, 0xFF], .. Text("../", "/", "\\")], MaxInput = 1 << 16 },
        new("csv", ["CsvReader.Read", "CsvTable.Open", "CsvTable.Read"], Text("id,body\r\n1,\"a\"\r\n2,b\r\n", "\uFEFFx\n1\n"), Csv, o => o is List<string[]> rows && rows.Any(r => r.Length > 2 && r.Any(f => f.Contains('\n'))))
            { Tokens = Text("\"", "\"\"", ",", "\r\n", "\n", "\r", "\0", "\",\"") , Memory = 2 << 20 },
        new("reddit", ["RedditReader", "RedditChecks"], [Reddit["comments.csv"]], i => Pack(Reddit, "comments.csv", i), o => o is ExportReport r && r.Files.Any(f => f.Skipped > 1), typeof(ExportException))
            { Cost = 30, Memory = 32 << 20, Tokens = Text("\"", ",", "\r\n", "2023-04-17 19:02:11.5 UTC", "2023-04-17T19:02:11.\u0663Z", "2023-04-17 19:02:11 +0\u0663:00", "9999-12-31 23:59:59 UTC", "https://www.reddit.com/r/a/comments/b/c/d/", "\u202e") },
        new("chatgpt", ["ChatGptMessage.Read", "Json.ReadSmall"], [ChatGpt["conversations.json"]], i => Pack(ChatGpt, "conversations.json", i), o => o is ExportReport r && r.Files.Any(f => f.Status == FileStatus.Failed) && r.Records > 3, typeof(ExportException))
            { Json = true, Cost = 30, Memory = 48 << 20, MaxInput = 1 << 16, Tokens = JsonTokens },
        new("social", ["XFiles.Open", "XReader.ReadSmall", "InstagramEntry.Read", "MetaThread.Read", "LinkedInReader.Open"], [X[Tweets], Instagram[Likes], Instagram[Thread], LinkedIn["Shares.csv"]], Social,
            o => o is ExportReport r && r.Files.Any(f => f.Status == FileStatus.Failed) && r.Records > 2, typeof(ExportException))
            { Json = true, Cost = 30, Memory = 48 << 20, Tokens = Text("window.YTD.tweet.part0 = [", "\"label_values\":[", "\"dict\":[{", "\\u00c3\\u00a9", "RT @a: ", "&#xD800;", "urn%3Ali%3Aactivity%3A1", "\"\n\"", "1e400", "null") },
        new("whatsapp-line", ["WhatsAppHeader.TryParse", "WhatsAppBody.Parse"], Text("[12/31/23, 9:41:00\u202fPM] A: \u200e<attached: 1-PHOTO-2023-12-31-21-41-00.jpg>", "2023. 12. 31. \uc624\ud6c4 9:41 - A: x"), WhatsAppMessage, o => o is (true, true))
            { Tokens = Text("\u200e", "\u202f", "\u0663", ": ", " - ", "] ", "\u4e0b\u5348", "POLL:\nq\nOPTION: a (1)", "<a b>", "\u201c", "\"") },
        new("whatsapp", ["WhatsAppScan", "WhatsAppReader", "LineReader.Read"], [ExportFixture.Files("whatsapp-ios")["_chat.txt"]], i => Pack(NoFiles, "_chat.txt", i), o => o is ExportReport r && r.Files.Any(f => f.Skipped > 1), typeof(ExportException))
            { Cost = 30, Memory = 32 << 20, Tokens = Text("\n", "\r\n", "\u200e", "[1/1/24, 8:00:00\u202fAM] B: ", "[13/13/23, 9:41:00\u202fPM] C: x\n") },
        new("json-paths", ["JsonReader.Read"], Text("{\"x\":[{\"a\":1}],\"a\":{\"b\":[{\"c\":2},3],\"y\":[]},\"c\":\"\u00e9\"}", "\uFEFF{\"c\":1}"), JsonPaths, o => o is (> 3, > 1), typeof(InvalidDataException)) { Json = true, Memory = 2 << 20, Tokens = Text("\"a\":", "\"b\":", "\"c\":", "\"\\ud800\":") },
        new("slack-text", ["SlackText.Render"], Text("<@U1|x> <https://example.org/a?b=1&amp;c=2|here> &lt;3 <!here>", "a"), i => SlackText.Render(Targets.Text(i), []), o => o is string s && s.Contains('#') && s.Contains("<<", StringComparison.Ordinal)) { Tokens = Text("<#C1|", "<!date^", "<!subteam^S1", "|", ">", "<", "&lt;", "&amp;") },
        new("json", ["Json.Parse"], Text("[{\"a\":1},[2],\"\u00e9\"]", "{\"a\":[1.5e3,{\"b\":\"\\ud83d\\ude00\\n\"}],\"c\":null,\"\\u0061\":true}"), JsonValues, o => o is (> 4L, true)) { Json = true, Memory = 2 << 20, Tokens = Text("\"\\ud800\"", "\"\\ude00\\ud83d\"", "\"\\\\\"", "{\"\":{}}", "[[]]", "1700000000.1239", "\"12.5\"") },
        new("json-elements", ["JsonReader.Read"], Text("[{\"a\":1},[2],\"\u00e9\"]", "\uFEFF[]", "{\"a\":[1,{\"b\":2}],\"c\":3}"), JsonElements, o => o is (> 4, true), typeof(InvalidDataException)) { Json = true, Memory = 2 << 20 },
        new("html", ["HtmlReader.Open", "HtmlReader.Read", "HtmlText"], Text("<!doctype html><title>t</title><p class=\"a\">x &amp; y<br/>z</p><ul><li><a href='#'>b</a></ul>", "<pre>\n a\n</pre><![CDATA[<]]><!-- c -->"), Html, o => o is (> 1, > 20))
            { Tokens = Text("<pre>", "</pre>", "<script>", "</script>", "<li>", "<ul>", "<td>x</td>", "<br>", "<!--", "-->", "<![CDATA[", "]]>", "&#xD800;", "&nbsp;", "<a href=x ", "=\"", "<meta charset=windows-1252>", "<meta charset=shift_jis>"), Memory = 4 << 20 },
        new("bookmarks", ["BookmarkList.Read"], [ExportFixture.Files("bookmarks")["firefox.html"]], i => Pack(NoFiles, "bookmarks.html", i), o => o is ExportReport r && r.Files.Any(f => f.Skipped > 3), typeof(ExportException))
            { Cost = 30, Memory = 32 << 20, Tokens = Text("<DL>", "</DL>", "<DT><A HREF=\"a\" ADD_DATE=\"1583020800\">x</A>", "<DD>", "<H3>f</H3>", "<A>", "HREF=\"place:\"", "99999999999999999") },
        new("mail", ["MimeHeader.Read", "MimeBody.Read", "MimeParameters.Parse", "MimeAddress.Parse", "MimeDate.Parse", "MimeCharset.Decode", "MimeEncoding.Decode", "MimeWords.Decode"], [ExportFixture.Files("mbox-eml")["1.eml"], ExportFixture.Files("mbox-eml")["2.eml"]], Mail,
            o => o is (> 2, > 1)) { Memory = 8 << 20, Tokens = Text("\r\n", "\n\n", "--b\n", "--b--\n", "Content-Type: multipart/alternative; boundary=b\n", "Content-Transfer-Encoding: base64\n", "Content-Transfer-Encoding: quoted-printable\n", "=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "name*0*=utf-8''%C3", "; charset=\"", "=\n", "<blockquote>", ">From ") },
        new("mbox", ["MailReader", "MailChecks"], [ExportFixture.Files("mbox-folders")["Inbox"]], i => Pack(NoFiles, "Inbox.mbox", i), o => o is ExportReport r && r.Files.Any(f => f.Skipped > 0) && r.Records > 2, typeof(ExportException))
            { Cost = 30, Memory = 32 << 20, Tokens = Text("\nFrom a Mon Feb 10 22:12:47 2020\n", "From ", "\n\n", "X-Mozilla-Status: 0008\n", "X-Gmail-Labels: Sent\n", "\n> ", "-----Original Message-----\nA: b\nC: d\n") },
        new("google-page", ["GoogleDates.Parse", "GoogleTables.Read"], [ExportFixture.Files("google")["Takeout/YouTube und YouTube Music/Verlauf/Suchverlauf.html"][^3000..], ExportFixture.Files("google")["Takeout/YouTube und YouTube Music/Kommentare/Kommentare.csv"]], Google,
            o => o is ExportReport r && r.Records > 6, typeof(ExportException)) { Cost = 30, Memory = 48 << 20, Tokens = Text("<div class=\"outer-cell\">", "<div class=\"header-cell\">", "<div class=\"content-cell\">", "</div>", "<br>", "Feb 10, 2020, 10:12:47 PM UTC", "<a href=\"https://www.google.com/search?q=%zz\">", "UC0123456789012345678901", "{\"\"text\"\":") },
        new("note-properties", ["FrontMatter.Parse", "WrittenTime.Parse"], Text("---\na: b\nc:\n  - d\ne: [f, \"g\"]\n---\nx", "---\ncreated: 2024-03-01\n---\n"), Properties, o => o is (> 3, > 0L)) { Tokens = Text("---\n", "...\n", "- ", ": ", "\n", "a: ", "[", "]", "\"", " #", "March 1, 2024 10:00 AM") },
        new("note", ["Note.Read", "NoteName"], [ExportFixture.Files("notes-obsidian")["Rowing/Oars.md"], ExportFixture.Files("notes-documents")["Evernote.html"]], i => i.FirstOrDefault() == '<' ? Pack(NoFiles, "a/Evernote.html", i) : Pack(NoFiles, "a/2024-03-01.md", i),
            o => o is ExportReport { From: < 1_000_000_000_000 }, typeof(ExportException)) { Cost = 30, Memory = 32 << 20, Tokens = Text("---\n", "created: 1999-03-01\n", "# ", "source: http://a\n", "<meta name=\"created\" content=\"1999-03-01\">", "<title>") },
        new("jsonl", ["JsonlTurns.Read", "JsonlFiles"], [ExportFixture.Files("jsonl")["chats.jsonl"], ExportFixture.Files("jsonl")["records.jsonl"], ExportFixture.Files("jsonl")["pairs.ndjson"]], i => Pack(NoFiles, "a.jsonl", i), o => o is ExportReport r && r.Files.Any(f => f.Skipped > 2 && f.Records > 0), typeof(ExportException))
            { Cost = 30, Memory = 32 << 20, Tokens = Text("\n", "{\"text\":\"x\"}\n", "{\"messages\":[", "\"role\":\"user\"", "\"content\":[{\"text\":\"x\"}]", "{\"platform\":\"", "\"timestamp\":1709287205", "null", "\\ud800") },
        new("times", ["Times.Parse", "Times.ParseDated"], Text("2023-04-17 19:02:11 UTC", "2023-04-17T19:02:11.123+02:00", "Wed Jun 05 13:45:22 +0000 2024"), i => Times.Parse(Targets.Text(i)) ?? Times.ParseDated(Targets.Text(i)), o => o is < 100_000_000_000L) { Tokens = Text("\u0663", ".", "Z", "+00:00", "-99:99", "0001", "1970", "1971", "9999") },
        new("record", ["RecordJson.Read"], [Line(new Record { Platform = "reddit", Kind = RecordKind.Comment, Id = "a", Time = 1_600_000_000_000, Own = true, Text = "tide", Meta = Metadata.Empty.SetItem("k", "v") }), Line(new Record { Platform = "x", Kind = RecordKind.Post })], ReadRecord,
            o => o is Record { Meta.Count: 0, Own: true, Text.Length: > 0 }, typeof(FormatException)) { Json = true, Tokens = Text(",\"l\":\"w\"", "\\n", "\\u001f", "\\u0020", "\\\"", "é", "null", "\"other\"") },
        new("part-file", ["PartReader.Read", "GzipReader"], [Gzip(Line(Comment(1)), Line(Comment(2))), Gzip()], i => Part(i), o => o is ExportException e && e.Message.Contains("checksum", StringComparison.Ordinal), typeof(ExportException)) { Cost = 8, Memory = 4 << 20, Tokens = [[0x1F, 0x8B, 8, 0, 0, 0, 0, 0]] },
        new("copy", ["CopyFile.Read"], [Copied(Gzip(Line(Comment(1))), Gzip()), Copied()], Copy, o => o is ExportException e && e.Message.Contains("checksum", StringComparison.Ordinal), typeof(ExportException))
            { Cost = 8, Memory = 4 << 20, Tokens = [[0x1F, 0x8B, 8, 0, 0, 0, 0, 0], [0x7F, 0xFF, 0xFF, 0xFF], [7, .. "comment"u8]] },
        new("part-lines", ["PartReader.Read"], [[.. Line(Comment(1)), .. Line(Comment(2))]], i => Part(Gzip(i)), o => o is > 2, typeof(ExportException)) { Json = true, Cost = 10, Memory = 4 << 20, Tokens = Text("\n") },
        new("redaction", ["Redaction.Apply"], Text("call +49 170 1234567 or mail ada@example.org", "10.0.0.1 and https://x.example/y?z=1, 4111 1111 1111 1111"), Redact, o => o is (true, > 4)) { Tokens = Text("@", ".example", "+49 170 1234567", "4111111111111111", "::1", "\u200b", "hide"), Memory = 4 << 20, Cost = 4 },
    ];

    private static object Open(byte[] input)
    {
        using var export = Export.Open("export.zip", input, Options);
        MutationTests.Exercise(export);
        return export.Report;
    }

    private static object Pack(Dictionary<string, byte[]> files, string name, byte[] input)
    {
        var zip = ExportFixture.Zip(new Dictionary<string, byte[]>(files) { [name] = input }, CompressionLevel.NoCompression);
        return Open(zip);
    }

    /// <summary>A script is X's, an object a conversation, an array a section, all else a table.</summary>
    private static object Social(byte[] input) => input.FirstOrDefault() switch
    {
        (byte)'w' => Pack(X, Tweets, input),
        (byte)'{' => Pack(Instagram, Thread, input),
        (byte)'[' => Pack(Instagram, Likes, input),
        _ => Pack(LinkedIn, "Shares.csv", input),
    };

    private static object Csv(byte[] input)
    {
        using var reader = new CsvReader(new MemoryStream(input), Limits);
        var rows = new List<string[]>();
        long line = 0;
        while (reader.Read())
        {
            Require(reader.Line >= line && reader.Fields.Count is > 0 and <= 16 && reader.Fields.Sum(f => f.Length) <= Limits.RowLength, "a row beyond the limits");
            line = reader.Line;
            if (reader.Problem is null)
                rows.Add([.. reader.Fields]);
        }
        // What was read without a complaint, written by the book, reads the same.
        var text = string.Concat(rows.Select(r => string.Join(',', r.Select(f => $"\"{f.Replace("\"", "\"\"", StringComparison.Ordinal)}\"")) + "\r\n"));
        using var again = new CsvReader(new MemoryStream(Encoding.UTF8.GetBytes(text)), Limits with { RowLength = 4 * Limits.RowLength });
        foreach (var row in rows)
            Require(again.Read() && (row.SequenceEqual(again.Fields) || text.Contains('\0')), "another row than was written");
        return rows;
    }

    private static object WhatsAppMessage(byte[] input)
    {
        if (!WhatsAppHeader.TryParse(input, out var header))
            return false;
        Require(header.End <= input.Length && header.Stamp.Start + header.Stamp.Length <= header.End && header.Clock is null or (>= 0 and < 86_400_000), "a header beyond its line");
        var author = WhatsAppLine.Author(input, header.End, out int at);
        var body = WhatsAppBody.Parse(Encoding.UTF8.GetString(input.AsSpan(at)));
        Require(body.Text.Length + body.Media.Length + body.Attachment.Length + body.Options.Length <= input.Length, "more text than there was");
        return (author.Length > 1, body.Options.Length > 0);
    }

    /// <summary>The text of HTML, written as HTML again, is the same text.</summary>
    private static object Html(byte[] input)
    {
        var text = new HtmlText();
        var reader = HtmlReader.Open(new TrickleStream(input));
        int tags = 0;
        while (reader.Read())
        {
            tags += reader.Token == HtmlToken.Text ? 0 : 1;
            Require(reader.Name.Length <= 64 && reader.Attribute("href").Length <= 16_384, "a tag beyond the limits");
            text.Add(reader);
        }
        Require(HtmlText.Of($"<pre>\n{WebUtility.HtmlEncode(text.ToString())}</pre>") == text.ToString(), "another text than was written");
        return (tags, text.ToString().Length);
    }

    private static object Properties(byte[] input)
    {
        var text = Targets.Text(input);
        var properties = FrontMatter.Parse(text, out int body);
        Require(body >= 0 && body <= text.Length && (body > 0 || !properties.Has("a")), "properties without an end");
        return (properties.All("a").Count, WrittenTime.Parse(properties.First("created")).Time ?? 0);
    }

    // Everything that System.Text.Json's own document tells of a value, but for the text of strings that it refuses.
    private static object JsonValues(byte[] input)
    {
        var value = Json.Parse(input, Limits);
        JsonDocument? whole = null;
        try
        {
            whole = JsonDocument.Parse(input, new JsonDocumentOptions { MaxDepth = Limits.JsonDepth });
        }
        catch (JsonException)
        {
            // Nor may ours be one.
        }
        Require((whole is null) == (value.ValueKind == JsonValueKind.Undefined), "it is JSON to one only");
        if (whole is null)
            return 0;
        long count = 0;
        bool odd = false;
        using (whole)
            Compare(value, whole.RootElement);
        return (count, odd);

        void Compare(JsonValue ours, JsonElement theirs)
        {
            count++;
            Require(ours.ValueKind == theirs.ValueKind && ours.Raw.SequenceEqual(JsonMarshal.GetRawUtf8Value(theirs)), "another value");
            switch (theirs.ValueKind)
            {
                case JsonValueKind.Array:
                    var elements = ours.Items().ToList();
                    Require(elements.Count == theirs.GetArrayLength() && !ours.Members().Any(), "other elements");
                    foreach (var (mine, other) in elements.Zip(theirs.EnumerateArray()))
                        Compare(mine, other);
                    break;
                case JsonValueKind.Object:
                    var members = ours.Members().ToList();
                    var properties = theirs.EnumerateObject().ToList();
                    Require(members.Count == properties.Count && !ours.Items().Any(), "other members");
                    foreach (var (mine, other) in members.Zip(properties))
                    {
                        Require(JsonMarshal.GetRawUtf8PropertyName(other).Contains((byte)'\\') || !Utf8.IsValid(JsonMarshal.GetRawUtf8PropertyName(other)) || mine.Name == other.Name, "another name");
                        Compare(mine, other.Value);
                    }
                    foreach (var other in properties)
                    {
                        var first = properties.First(p => JsonMarshal.GetRawUtf8PropertyName(p).SequenceEqual(JsonMarshal.GetRawUtf8PropertyName(other)));
                        Require(ours.Get(JsonMarshal.GetRawUtf8PropertyName(other)).Raw.SequenceEqual(JsonMarshal.GetRawUtf8Value(first.Value)), "another member");
                    }
                    break;
                case JsonValueKind.String:
                    try
                    {
                        Require(ours.Text() == theirs.GetString(), "another text");
                    }
                    catch (InvalidOperationException)
                    {
                        odd = true; // not UTF-8, or half a pair
                        Require(ours.Text().Contains('\uFFFD'), "a text that is none");
                    }
                    break;
                case JsonValueKind.Number:
                    Require(ours.Number() == (theirs.TryGetDecimal(out var number) ? number : null), "another number");
                    Require(ours.UnixSeconds() == (ours.Number() is { } seconds ? Times.FromUnixSeconds(seconds) : null), "another time");
                    break;
            }
        }
    }

    private static object JsonElements(byte[] input)
    {
        var found = new List<string>();
        var reader = new JsonReader(new TrickleStream(input), Limits, "*[]", "*", "[]");
        while (reader.Read())
            found.Add(reader.Member + Raw(reader.Value));
        if (Whole(input) is not { } whole) // else it goes on after its end, where nobody looks
            return (found.Count, false);
        using (whole)
        {
            var root = whole.RootElement;
            var expected = root.ValueKind == JsonValueKind.Array ? root.EnumerateArray().Select(Raw)
                : root.EnumerateObject().SelectMany(p => (p.Value.ValueKind == JsonValueKind.Array ? p.Value.EnumerateArray().Select(Raw) : [Raw(p.Value)]).Select(value => Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8PropertyName(p)) + value));
            Require(found.SequenceEqual(expected), "other values than are in the whole file");
            return (found.Count, root.ValueKind == JsonValueKind.Object);
        }
    }

    private static object Mail(byte[] input)
    {
        var header = MimeHeader.Read(input);
        var body = MimeBody.Read(header, unquote: true);
        Require(header.Body.Length <= input.Length && body.Text.Length <= 4 * input.Length && body.Attachments.Count <= input.Length, "more than there was");
        var (text, quoted) = MailQuotes.Strip(body.Text);
        Require(text.Length <= body.Text.Length && (quoted > 0 || text == body.Text.Trim()), "words were lost or made up");
        int names = MimeAddress.Parse(header.From).Count + MimeAddress.Parse(header.To).Count;
        return (quoted + names, body.Attachments.Count);
    }

    private static object Google(byte[] input) => input.AsSpan().IndexOf((byte)'<') >= 0 && input.AsSpan().IndexOf("outer-cell"u8) >= 0
        ? Pack(new() { ["Takeout/archive_browser.html"] = [] }, "Takeout/a.html", input) : Pack(new() { ["Takeout/archive_browser.html"] = [] }, "Takeout/a.csv", input);

    private static object JsonPaths(byte[] input)
    {
        var found = new List<(int Path, string Raw)>();
        var reader = new JsonReader(new TrickleStream(input), Limits, "a.b[]", "c");
        while (reader.Read())
            found.Add((reader.Path, Raw(reader.Value)));
        if (Whole(input) is { } whole)
        {
            using (whole)
                Require(found.SequenceEqual(Expected(whole.RootElement)), "other values than are in the whole file");
        }
        return (found.Count(f => f.Path == 0), found.Count(f => f.Path == 1));

        static IEnumerable<(int, string)> Expected(JsonElement root)
        {
            foreach (var property in root.EnumerateObject())
            {
                if (Is(property, "c"u8))
                    yield return (1, Raw(property.Value));
                if (!Is(property, "a"u8) || property.Value.ValueKind != JsonValueKind.Object)
                    continue;
                foreach (var inner in property.Value.EnumerateObject().Where(inner => Is(inner, "b"u8) && inner.Value.ValueKind == JsonValueKind.Array))
                    foreach (var element in inner.Value.EnumerateArray())
                        yield return (0, Raw(element));
            }
        }

        static bool Is(JsonProperty property, ReadOnlySpan<byte> name) => JsonMarshal.GetRawUtf8PropertyName(property).SequenceEqual(name);
    }

    private static JsonDocument? Whole(byte[] input)
    {
        try
        {
            return JsonDocument.Parse(input.AsMemory(input.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? 3 : 0), new JsonDocumentOptions { MaxDepth = Limits.JsonDepth });
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Raw(JsonValue value) => Encoding.Latin1.GetString(value.Raw);

    private static string Raw(JsonElement element) => Encoding.Latin1.GetString(JsonMarshal.GetRawUtf8Value(element));

    private static Record ReadRecord(byte[] input)
    {
        var record = RecordJson.Read(input);
        Require(Line(record).AsSpan(..^1).SequenceEqual(input.AsSpan().EndsWith("\n"u8) ? input.AsSpan(..^1) : input), "not canonical");
        return record;
    }

    private static object Part(byte[] input)
    {
        var words = 0L;
        int count = 0;
        foreach (var record in PartReader.Read(Key, new MemoryStream(input), 1 << 20))
        {
            Require(PartKey.Of(record) == Key, "a record of another part");
            words += Redaction.CountWords(record);
            count++;
        }
        return count;
    }

    private static object Redact(byte[] input)
    {
        var record = new Record { Platform = "x", Kind = RecordKind.Note, Text = Targets.Text(input).Replace("\uFFFD", "?", StringComparison.Ordinal) };
        var redacted = new Redaction(RedactionClasses.All, new byte[Redaction.KeySize], ["hide"]).Apply(record);
        Require(Redaction.IsRedactionOf(record, redacted), "a redaction that is none");
        return (redacted.Text != record.Text, redacted.Text.Split('[').Length);
    }

    private static object Copy(byte[] input)
    {
        long size = 0;
        int records = 0;
        foreach (var (member, record) in CopyFile.Read(input, 1 << 20))
        {
            Require(member >= 0, "a member without a number");
            size += Line(record).Length;
            if (++records == 1000)
                break;
        }
        return size;
    }

    private static byte[] Copied(params byte[][] parts)
    {
        using var file = new MemoryStream();
        CopyFile.Begin(file);
        for (int i = 0; i < parts.Length; i++)
            CopyFile.TryAdd(file, i, Key, parts[i]);
        return file.ToArray();
    }

    private static Record Comment(int id) => new() { Platform = "reddit", Kind = RecordKind.Comment, Id = $"c{id}", Time = 1_590_000_000_000, Text = "tide" };

    private static byte[] Line(Record record)
    {
        var line = new ArrayBufferWriter<byte>();
        RecordJson.Write(line, record);
        return line.WrittenSpan.ToArray();
    }

    private static byte[] Gzip(params byte[][] lines)
    {
        using var file = new MemoryStream();
        using (var gzip = new GZipStream(file, CompressionLevel.Optimal))
            foreach (var line in lines)
                gzip.Write(line);
        var bytes = file.ToArray();
        if (bytes.Length == 0)
            return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        return bytes;
    }

    private static Dictionary<string, byte[]> Some(string fixture, params string[] names) =>
        ExportFixture.Files(fixture).Where(f => names.Contains(f.Key)).ToDictionary(f => f.Key, f => f.Value);

    private static Dictionary<string, byte[]> Small() => new() { ["statistics.csv"] = Reddit["statistics.csv"], ["posts.csv"] = "id,permalink,date,ip,subreddit,gildings,title,url,body\r\n"u8.ToArray() };

    // As small as it is, with the sizes and the place of its one entry in ZIP64 fields (APPNOTE 4.5.3).
    private static byte[] Zip64()
    {
        byte[] content = Reddit["statistics.csv"], name = "statistics.csv"u8.ToArray();
        var crc = new Crc32();
        crc.Append(content);
        byte[] all = [0xFF, 0xFF, 0xFF, 0xFF];
        byte[] local = [.. "PK\u0003\u0004"u8, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. BitConverter.GetBytes(crc.Value), .. BitConverter.GetBytes(content.Length), .. BitConverter.GetBytes(content.Length), (byte)name.Length, 0, 0, 0, .. name, .. content];
        byte[] entry = [.. "PK\u0001\u0002"u8, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. BitConverter.GetBytes(crc.Value), .. all, .. all, (byte)name.Length, 0, 28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. all, .. name,
            1, 0, 24, 0, .. BitConverter.GetBytes((long)content.Length), .. BitConverter.GetBytes((long)content.Length), .. new byte[8]];
        byte[] end64 = [.. "PK\u0006\u0006"u8, .. BitConverter.GetBytes(44L), 45, 0, 45, 0, .. new byte[8], .. BitConverter.GetBytes(1L), .. BitConverter.GetBytes(1L), .. BitConverter.GetBytes((long)entry.Length), .. BitConverter.GetBytes((long)local.Length)];
        return [.. local, .. entry, .. end64, .. "PK\u0006\u0007"u8, .. new byte[4], .. BitConverter.GetBytes((long)local.Length + entry.Length), 1, 0, 0, 0, .. "PK\u0005\u0006"u8, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, .. all, .. all, 0, 0];
    }

    // A few bytes at a time, as a network gives them.
    private sealed class TrickleStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 7)]);
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 7));
    }
}
