using System.Text;
using System.Text.Json;

namespace Trove.Cli.Models;

/// <summary>
/// The documents of files to train on, in UTF-8: of JSON lines (<c>.jsonl</c>) each line's <c>text</c>; any other file is text, in pieces that end with a line.
/// </summary>
internal static class TrainingText
{
    private const int Piece = 1 << 20, MaxLine = 64 << 20;

    /// <summary>One document after the other; a file is read as it is asked for.</summary>
    /// <exception cref="CommandException">A file is missing, is no UTF-8, or a line is not what it should be.</exception>
    public static IEnumerable<ReadOnlyMemory<byte>> Documents(IReadOnlyList<string> paths)
    {
        foreach (var path in paths)
        {
            if (!File.Exists(path))
                throw new CommandException($"there is no file {Shared.Safe(path)}", "name files of text or of JSON lines");
            foreach (var document in Path.GetExtension(path) == ".jsonl" ? Lines(path) : Text(path))
                yield return document;
        }
    }

    /// <summary>Bytes of all files, for progress.</summary>
    public static long Size(IReadOnlyList<string> paths) => paths.Sum(p => File.Exists(p) ? new FileInfo(p).Length : 0);

    private static IEnumerable<ReadOnlyMemory<byte>> Text(string path)
    {
        using var file = File.OpenRead(path);
        byte[] rest = [];
        while (true)
        {
            var buffer = new byte[rest.Length + Piece];
            rest.CopyTo(buffer, 0);
            int length = rest.Length + file.ReadAtLeast(buffer.AsSpan(rest.Length), Piece, throwOnEndOfStream: false);
            if (length == 0)
                yield break;
            bool ends = length < buffer.Length;
            int cut = ends ? length : buffer.AsSpan(0, length).LastIndexOf((byte)'\n') + 1;
            if (cut == 0 && length < MaxLine)
            {
                rest = buffer[..length]; // a line longer than a piece
                continue;
            }
            if (cut == 0 || !System.Text.Unicode.Utf8.IsValid(buffer.AsSpan(0, cut)))
                throw new CommandException($"{Shared.Safe(path)} is no text in UTF-8, or has a line of more than {MaxLine >> 20} MiB", "convert it: iconv -t UTF-8");
            yield return buffer.AsMemory(0, cut);
            if (ends)
                yield break;
            rest = buffer[cut..length];
        }
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Lines(string path)
    {
        int number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (line.Length > 0)
                yield return Encoding.UTF8.GetBytes(Read(line) ?? throw new CommandException($"line {number} of {Shared.Safe(path)} is no JSON object with a \"text\"", "give each document a line: {\"text\": \"…\"}"));
        }
    }

    private static string? Read(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 32 });
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("text", out var text) ? text.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
