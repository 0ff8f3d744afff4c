using System.Text;
using System.Text.Json;
using Trove.Models.Tokenization;
using Trove.Node.Queries;

namespace Trove.Cli.Models;

/// <summary>A document, or a part of a long one.</summary>
/// <param name="Text">UTF-8; of a conversation what was said, line after line.</param>
/// <param name="Begins">Does a document begin with it?</param>
/// <param name="Messages">A conversation's messages; null when it is none.</param>
internal readonly record struct TextPiece(ReadOnlyMemory<byte> Text, bool Begins, IReadOnlyList<ChatMessage>? Messages = null);

/// <summary>
/// The documents of files to train on, in UTF-8: of JSON lines (<c>.jsonl</c>) each line's <c>text</c> or <c>messages</c>; of records as <c>.parquet</c> each record's title and
/// text; any other file is one document, in pieces that end with a line.
/// </summary>
internal static class TrainingText
{
    private const int Piece = 1 << 20, MaxLine = 64 << 20, MaxMessages = 10_000;

    /// <summary>Texts one after the other, for what needs no order; a file is read as it is asked for.</summary>
    /// <inheritdoc cref="Pieces"/>
    public static IEnumerable<ReadOnlyMemory<byte>> Documents(IReadOnlyList<string> paths) => Pieces(paths).Select(p => p.Text);

    /// <summary>One document after the other; a file is read as it is asked for.</summary>
    /// <exception cref="CommandException">A file is missing, is no UTF-8, or a line is not what it should be.</exception>
    public static IEnumerable<TextPiece> Pieces(IReadOnlyList<string> paths)
    {
        RequireFiles(paths);
        foreach (var path in paths)
            foreach (var piece in Path.GetExtension(path) switch { ".jsonl" => Lines(path), ".parquet" => Records(path), _ => Text(path) })
                yield return piece;
    }

    /// <summary>Names a file that is not there.</summary>
    public static void RequireFiles(IReadOnlyList<string> paths)
    {
        if (paths.FirstOrDefault(p => !File.Exists(p)) is { } missing)
            throw new CommandException($"there is no file {Shared.Safe(missing)}", "name files of text or of JSON lines");
    }

    /// <summary>Bytes of all files, for progress.</summary>
    public static long Size(IReadOnlyList<string> paths) => paths.Sum(p => File.Exists(p) ? new FileInfo(p).Length : 0);

    private static IEnumerable<TextPiece> Text(string path)
    {
        using var file = File.OpenRead(path);
        byte[] rest = [];
        for (bool begins = true; ; begins = false)
        {
            byte[] buffer;
            int length, cut;
            do
            {
                buffer = new byte[rest.Length + Piece];
                rest.CopyTo(buffer, 0);
                length = rest.Length + file.ReadAtLeast(buffer.AsSpan(rest.Length), Piece, throwOnEndOfStream: false);
                if (length == 0)
                    yield break;
                cut = length < buffer.Length ? length : buffer.AsSpan(0, length).LastIndexOf((byte)'\n') + 1;
                rest = buffer[cut..length]; // with no line's end in it, all
            }
            while (cut == 0 && length < MaxLine);
            if (cut == 0 || !System.Text.Unicode.Utf8.IsValid(buffer.AsSpan(0, cut)))
                throw new CommandException($"{Shared.Safe(path)} is no text in UTF-8, or has a line of more than {MaxLine >> 20} MiB", "convert it: iconv -t UTF-8");
            yield return new TextPiece(buffer.AsMemory(0, cut), begins);
            if (length < buffer.Length)
                yield break;
        }
    }

    private static IEnumerable<TextPiece> Lines(string path)
    {
        int number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (line.Length > 0)
                yield return Read(line) ?? throw new CommandException($"line {number} of {Shared.Safe(path)} is no JSON object with a \"text\"", "give each document a line: {\"text\": \"…\"}");
        }
    }

    private static IEnumerable<TextPiece> Records(string path)
    {
        foreach (var (title, text) in ParquetTexts.Read(path))
            if (title.Length + text.Length > 0)
                yield return new TextPiece(Encoding.UTF8.GetBytes(title.Length > 0 && text.Length > 0 ? $"{title}\n\n{text}" : title + text), Begins: true);
    }

    private static TextPiece? Read(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 32 });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                return null;
            if (root.TryGetProperty("text", out var text))
                return text.GetString() is { } content ? new TextPiece(Encoding.UTF8.GetBytes(content), Begins: true) : null;
            if (!root.TryGetProperty("messages", out var list) || list.GetArrayLength() is 0 or > MaxMessages)
                return null;
            var messages = list.EnumerateArray().Select(m => new ChatMessage(m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!)).ToList();
            return messages.Any(m => m.Content is null || string.IsNullOrEmpty(m.Role) || m.Role.AsSpan().ContainsAnyExceptInRange('a', 'z'))
                ? null
                : new TextPiece(Encoding.UTF8.GetBytes(string.Join('\n', messages.Select(m => m.Content))), Begins: true, messages);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }
}
