using System.Globalization;
using System.Text;

namespace Trove.Exports;

/// <summary>
/// Records as Markdown that a person reads: one file for each kind and year (UTC), such as <c>message-2023.md</c>, in the export's order, with a
/// heading where the conversation changes. Texts stay as they were written; what would make a heading or a rule of a line gets a backslash.
/// </summary>
public static class MarkdownFiles
{
    private const string Part = ".part";

    /// <summary>Writes records into a folder that is new or empty; each file appears when it is whole.</summary>
    /// <exception cref="IOException">The folder holds something, or cannot be written to.</exception>
    public static void Write(string folder, IEnumerable<Record> records)
    {
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new IOException($"the folder {folder} is not empty: name another one, so that nothing is overwritten");
        Directory.CreateDirectory(folder);
        var files = new SortedDictionary<PartKey, (StreamWriter Writer, string Path, string Thread)>();
        try
        {
            foreach (var record in records)
            {
                var key = PartKey.Of(record);
                if (!files.TryGetValue(key, out var file))
                {
                    var path = Path.Combine(folder, key.Year == 0 ? $"{key.Kind.Name()}-undated.md" : $"{key}.md");
                    file = (new StreamWriter(path + Part, append: false, new UTF8Encoding(false)), path, "\0");
                    file.Writer.Write($"# {record.Platform}: {key.Kind.Name()}, {(key.Year == 0 ? "undated" : key.Year.ToString(CultureInfo.InvariantCulture))}\n");
                }
                string thread = Thread(record);
                if (thread != file.Thread && thread.Length > 0)
                    file.Writer.Write($"\n## {OneLine(thread)}\n");
                files[key] = file with { Thread = thread };
                Write(file.Writer, record);
            }
            foreach (var (writer, path, _) in files.Values)
            {
                writer.Dispose();
                File.Move(path + Part, path);
            }
            files.Clear();
        }
        finally
        {
            foreach (var (writer, path, _) in files.Values)
            {
                writer.Dispose();
                File.Delete(path + Part);
            }
        }
    }

    private static string Thread(Record record)
    {
        foreach (var key in (ReadOnlySpan<string>)["conversation", "chat", "channel", "subreddit"])
            if (record.Meta.TryGetValue(key, out var name))
                return name;
        return record.Thread;
    }

    private static void Write(StreamWriter writer, Record record)
    {
        string when = record.Time is { } time ? DateTimeOffset.FromUnixTimeMilliseconds(time).ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) : "undated";
        writer.Write($"\n**{when}**{(record.Author.Length > 0 ? $" {OneLine(record.Author)}" : "")}{(record.Title.Length > 0 ? $": {OneLine(record.Title)}" : "")}\n\n");
        foreach (var line in record.Text.AsSpan().EnumerateLines())
        {
            if (line.Length > 0 && line[0] is '#' or '=' or '-' or '>')
                writer.Write('\\');
            writer.Write(line);
            writer.Write("  \n"); // two blanks: a line stays a line
        }
        if (record.Url.Length > 0)
            writer.Write($"\n<{OneLine(record.Url)}>\n");
    }

    private static string OneLine(string text) => string.Create(text.Length, text, (line, from) =>
    {
        for (int i = 0; i < line.Length; i++)
            line[i] = char.IsControl(from[i]) ? ' ' : from[i];
    });
}
