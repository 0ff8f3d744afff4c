using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Trove.Bench;
using Trove.Exports;

namespace Trove.Cli.Benches;

/// <summary>
/// How fast exports become records, on one core, and in how much memory: a generated file of each shape, loose and in a ZIP, whose
/// inflation alone is measured beside it.
/// </summary>
internal static class ExportsBench
{
    private const double MemoryGoal = 256; // MiB
    private const int Sentences = 4096;

    private static readonly string Picture = Convert.ToBase64String(new byte[30_000], Base64FormattingOptions.InsertLineBreaks);

    /// <summary>A file of a format: its beginning, its n-th entry of some 300 bytes, its end, and how fast it should be read.</summary>
    private sealed record Shape(string Name, double Goal, string File, string Head, Func<int, string, string> Entry, string Between, string End, params (string File, string Text)[] Beside);

    private static readonly Shape[] Shapes =
    [
        new("CSV (Reddit comments)", 400, "comments.csv", "id,permalink,date,ip,subreddit,gildings,link,parent,body,media\r\n",
            (i, text) => $"c{i:x},https://www.reddit.com/r/marsh/comments/p{i % 1000:x}/t/c{i:x}/,2021-0{i % 9 + 1}-1{i % 10} 03:04:05 UTC,,marsh,0,https://www.reddit.com/r/marsh/comments/p{i % 1000:x}/t/,p{i % 1000:x},\"{text}\",", "\r\n", "\r\n",
            ("statistics.csv", "statistic,value\r\naccount name,bench\r\n"), ("comment_headers.csv", "id,permalink,date,ip,subreddit,gildings,link,parent\r\n")),
        new("JSON (ChatGPT conversations)", 250, "conversations.json", "[",
            (i, text) => $$$"""{"title":"t{{{i}}}","create_time":1700000000.1,"mapping":{"r":{"id":"r","message":null,"parent":null,"children":["a"]},"a":{"id":"a","message":{"id":"m{{{i}}}","author":{"role":"user"},"create_time":{{{1_600_000_000 + i % 100_000_000}}}.5,"content":{"content_type":"text","parts":["{{{text}}}"]},"recipient":"all"},"parent":"r","children":["b"]},"b":{"id":"b","message":{"id":"n{{{i}}}","author":{"role":"assistant"},"create_time":1700000002,"content":{"content_type":"text","parts":["{{{text}}} {{{text}}}"]},"recipient":"all"},"parent":"a","children":[]}},"current_node":"b","conversation_id":"c{{{i}}}"}""", ",\n", "]",
            ("user.json", """{"id":"user-bench","email":"b@example.org","chatgpt_plus_user":false}""")),
        new("JSON (Telegram messages)", 250, "result.json", """{"about":"x","personal_information":{"user_id":1,"first_name":"B"},"chats":{"list":[{"name":"Ann","type":"personal_chat","id":7,"messages":[""",
            (i, text) => $$$"""{"id":{{{i}}},"type":"message","date":"2021-06-21T19:03:04","date_unixtime":"{{{1_600_000_000 + i % 100_000_000}}}","from":"{{{(i % 2 == 0 ? "B" : "Ann")}}}","from_id":"user{{{(i % 2 == 0 ? 1 : 7)}}}","text":"{{{text}}}","text_entities":[{"type":"plain","text":"{{{text}}}"}]}""", ",\n", "]}]}}"),
        new("WhatsApp", 150, "WhatsApp Chat with Ann.txt", "",
            (i, text) => string.Create(CultureInfo.InvariantCulture, $"{i / 40_000 % 12 + 1}/{i / 1500 % 27 + 1}/21, {i / 60 % 24:00}:{i % 60:00} - {(i % 2 == 0 ? "me" : "Ann")}: {text}"), "\n", "\n"),
        new("mbox", 400, "Inbox.mbox", "", (i, text) => string.Create(CultureInfo.InvariantCulture, $"From {i}@xxx Mon Feb 10 22:12:47 +0000 2020\nX-Gmail-Labels: {(i % 4 == 0 ? "Sent" : "Inbox")}\nMessage-ID: <{i}@mail.example.org>\nDate: Mon, 10 Feb 2020 23:12:47 +0100\nFrom: B <{(i % 4 == 0 ? "me" : "ann")}@example.org>\nTo: C <c@example.org>\nSubject: {i}\n")
            + (i % 8 > 0 ? $"Content-Type: text/plain; charset=utf-8\n\n{text}\n" : $"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n--b\nContent-Type: image/jpeg; name=a.jpg\nContent-Transfer-Encoding: base64\n\n{Picture}\n--b--\n"), "\n", "\n"),
        new("JSON lines", 250, "a.jsonl", "", (_, text) => $$$"""{"messages":[{"role":"user","content":"{{{text}}}"},{"role":"assistant","content":"{{{text}}}"}],"model":"m","created_at":"2024-02-01T10:00:05Z"}""", "\n", "\n"),
        new("Google activity", 250, "MyActivity.json", "[", (i, text) => $$$"""{"header":"Search","title":"Visited {{{text}}}","titleUrl":"https://www.google.com/url?q=https://example.org/{{{i}}}","time":"2024-02-01T10:00:05.123Z","products":["Search"],"activityControls":["Web & App Activity"]}""", ",\n", "]"),
    ];

    /// <summary>Prints as it goes; minutes.</summary>
    /// <param name="megabytes">Size of each file.</param>
    /// <param name="ct">Ends it.</param>
    public static IEnumerable<BenchLine> Run(int megabytes, CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("trove-bench-").FullName;
        try
        {
            foreach (var shape in Shapes)
            {
                ct.ThrowIfCancellationRequested();
                var (home, zip) = (Path.Combine(folder, "export"), Path.Combine(folder, "export.zip"));
                Directory.CreateDirectory(home);
                long size = Write(home, shape, megabytes * 1_000_000L);
                Read(home, ct, out _); // warm
                double loose = Read(home, ct, out double memory);
                ZipFile.CreateFromDirectory(home, zip, CompressionLevel.Fastest, includeBaseDirectory: false);
                double inflate = Inflate(zip), packed = Read(zip, ct, out double packedMemory);
                yield return Rate($"{shape.Name}, one core", size / 1e6 / loose, shape.Goal);
                yield return new BenchLine("exports", $"{shape.Name}, from a ZIP", Math.Round(size / 1e6 / packed, 1), "MB/s", Math.Round(size / 1e6 / inflate, 1), "inflating alone", inflate / packed, null, null);
                yield return Memory($"{shape.Name}: memory at its highest", Math.Max(memory, packedMemory));
                Directory.Delete(home, recursive: true);
                File.Delete(zip);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static long Write(string folder, Shape shape, long size)
    {
        var chance = new Random(1);
        string[] words = [.. Enumerable.Range(0, 3000).Select(_ => string.Concat(Enumerable.Range(0, chance.Next(2, 10)).Select(_ => (char)('a' + chance.Next(26)))))];
        string[] texts = [.. Enumerable.Range(0, Sentences).Select(_ => string.Join(' ', Enumerable.Range(0, chance.Next(5, 60)).Select(_ => words[chance.Next(words.Length)])) + ".")];
        foreach (var (name, text) in shape.Beside)
            File.WriteAllText(Path.Combine(folder, name), text);
        using var stream = new FileStream(Path.Combine(folder, shape.File), FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 20);
        writer.Write(shape.Head);
        for (int i = 0; i == 0 || stream.Position < size; i++)
        {
            if (i > 0)
                writer.Write(shape.Between);
            writer.Write(shape.Entry(i, texts[i % Sentences]));
        }
        writer.Write(shape.End);
        writer.Flush();
        return stream.Position;
    }

    // Seconds of CPU to read all records, with the report of them; and the memory that the process had at its highest.
    private static double Read(string path, CancellationToken ct, out double memory)
    {
        using var process = Process.GetCurrentProcess();
        GC.Collect();
        using var over = new CancellationTokenSource();
        long highest = 0;
        var watching = Task.Run(async () =>
        {
            using var self = Process.GetCurrentProcess();
            while (!over.IsCancellationRequested)
            {
                self.Refresh();
                highest = Math.Max(highest, self.WorkingSet64);
                await Task.WhenAny(Task.Delay(20, over.Token));
            }
        }, CancellationToken.None);
        process.Refresh();
        var before = process.TotalProcessorTime;
        long records = 0;
        using (var export = Export.Open([path], new ExportOptions { Me = "me" }))
            foreach (var _ in export.Records())
                if ((++records & 0xffff) == 0)
                    ct.ThrowIfCancellationRequested();
        process.Refresh();
        double seconds = (process.TotalProcessorTime - before).TotalSeconds;
        over.Cancel();
        watching.Wait(CancellationToken.None);
        memory = highest / 1048576.0;
        return records > 0 ? seconds : throw new InvalidOperationException($"no record was read from {path}");
    }

    private static double Inflate(string zip)
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        using var archive = ZipFile.OpenRead(zip);
        var buffer = new byte[1 << 16];
        foreach (var entry in archive.Entries)
        {
            using var stream = entry.Open();
            while (stream.Read(buffer) > 0)
            {
            }
        }
        process.Refresh();
        return (process.TotalProcessorTime - before).TotalSeconds;
    }

    private static BenchLine Rate(string what, double ours, double goal) => new("exports", what, Math.Round(ours, 1), "MB/s", goal, "the goal", ours / goal, 1, ours >= goal);

    private static BenchLine Memory(string what, double ours) => new("exports", what, Math.Round(ours, 1), "MiB", MemoryGoal, "the goal", MemoryGoal / ours, 1, ours <= MemoryGoal);
}
