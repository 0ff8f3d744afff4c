using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Trove.SystemTests.Story;

/// <summary>Exports in layouts that no sample of the repository has.</summary>
internal static class Exports
{
    /// <summary>ChatGPT as of 2026: conversations in several files, and a manifest with their hashes.</summary>
    public static void WriteChatGpt(string path, params string[] prompts)
    {
        var files = new List<(string Name, byte[] Bytes)>();
        foreach (var (chunk, n) in prompts.Chunk(2).Select((c, n) => (c, n)))
            files.Add(($"conversations-{n:000}.json", JsonSerializer.SerializeToUtf8Bytes(chunk.Select((text, i) => Conversation($"{n}-{i}", 1769000000 + 100 * n + i, text)))));
        files.Add(("user.json", JsonSerializer.SerializeToUtf8Bytes(new { id = "user-Wx3", email = "someone@example.org", chatgpt_plus_user = false })));
        var manifest = JsonSerializer.SerializeToUtf8Bytes(new
        {
            version = 1,
            export_files = files.Select(f => new { path = f.Name, size_bytes = f.Bytes.Length, sha256 = Convert.ToHexStringLower(SHA256.HashData(f.Bytes)) }),
        });
        WriteZip(path, [("export_manifest.json", manifest), .. files]);
    }

    /// <summary>
    /// Reddit inside one wrapping folder, zipped by a Mac, with the columns in another order, LF and no byte order mark,
    /// messages in the archive file and a check file that is right.
    /// </summary>
    public static void WriteReddit(string path, string account, IReadOnlyList<string> comments, IReadOnlyList<string> messages)
    {
        var table = new StringBuilder("body,date,id,link,subreddit,permalink,parent,media,gildings,ip\n");
        var copy = new StringBuilder("date,id,link,subreddit,permalink,parent,gildings,ip\n");
        for (int i = 0; i < comments.Count; i++)
        {
            string date = $"2023-{1 + i % 12:00}-11 10:00:00 UTC", link = "https://www.reddit.com/r/harbour/comments/z1/t/";
            table.Append(CultureInfo.InvariantCulture, $"{Quote(comments[i])},{date},{account}{i},{link},harbour,{link}{account}{i}/,,,0,\n");
            copy.Append(CultureInfo.InvariantCulture, $"{date},{account}{i},{link},harbour,{link}{account}{i}/,,0,\n");
        }
        var mail = new StringBuilder("to,from,subject,body,date,id,permalink,thread_id,ip\n");
        for (int i = 0; i < messages.Count; i++)
            mail.Append(CultureInfo.InvariantCulture, $"otter_bob,{account},hello,{Quote(messages[i])},2023-07-01 09:00:00 UTC,m{i},https://www.reddit.com/message/messages/m{i},m0,\n");
        List<(string Name, byte[] Bytes)> files =
        [
            ("comments.csv", Utf8(table)),
            ("comment_headers.csv", Utf8(copy)),
            ("messages_archive.csv", Utf8(mail)),
            ("posts.csv", "title,id,permalink,date,ip,subreddit,gildings,url,body\n"u8.ToArray()),
            ("statistics.csv", Encoding.UTF8.GetBytes($"statistic,value\nexport time,2026-02-01 12:00:00 UTC\ncreated_utc,2019-03-02 10:00:00 UTC\naccount name,{account}\n")),
        ];
        var check = string.Concat(files.Select(f => $"{f.Name},{Convert.ToHexStringLower(SHA256.HashData(f.Bytes))}\n"));
        files.Add(("checkfile.csv", Encoding.UTF8.GetBytes("filename,sha256\n" + check)));
        var wrapped = files.Select(f => ($"export_{account}_20260201/{f.Name}", f.Bytes)).ToList();
        wrapped.Add(($"__MACOSX/export_{account}_20260201/._comments.csv", [0, 5, 22, 7]));
        WriteZip(path, wrapped);
    }

    private static object Conversation(string id, double time, string text) => new
    {
        title = $"Conversation {id}",
        create_time = time,
        conversation_id = $"c-{id}",
        current_node = $"a{id}",
        mapping = new Dictionary<string, object>
        {
            [$"r{id}"] = new { id = $"r{id}", message = (object?)null, parent = (string?)null, children = new[] { $"u{id}" } },
            [$"u{id}"] = new { id = $"u{id}", parent = $"r{id}", children = new[] { $"a{id}" }, message = Message($"u{id}", "user", time + 0.5, text) },
            [$"a{id}"] = new { id = $"a{id}", parent = $"u{id}", children = Array.Empty<string>(), message = Message($"a{id}", "assistant", time + 2, "Gladly.") },
        },
    };

    private static object Message(string id, string role, double time, string text) =>
        new { id, author = new { role }, create_time = time, content = new { content_type = "text", parts = new[] { text } }, status = "finished_successfully", recipient = "all" };

    private static string Quote(string text) => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static byte[] Utf8(StringBuilder text) => Encoding.UTF8.GetBytes(text.ToString());

    private static void WriteZip(string path, IEnumerable<(string Name, byte[] Bytes)> files)
    {
        using var archive = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var (name, bytes) in files)
        {
            using var entry = archive.CreateEntry(name).Open();
            entry.Write(bytes);
        }
    }
}
