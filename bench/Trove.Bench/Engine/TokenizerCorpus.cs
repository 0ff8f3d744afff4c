using System.Buffers.Binary;
using System.Text;

namespace Trove.Bench.Engine;

/// <summary>
/// Text as a machine has it, each document once: manuals (English), this repository's code, and the translations of programs into
/// scripts of other kinds. Repeated text would flatter caches.
/// </summary>
internal static class TokenizerCorpus
{
    private const int LongestDocument = 40_000;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>Documents of about so many bytes: two fifths manuals, two fifths code, one fifth other languages, as far as the machine has them.</summary>
    public static List<string> Documents(int bytes, string? repository)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        List<string> documents = [];
        documents.AddRange(Take(Files("/usr/share/doc", "*").Select(Text), bytes / 5 * 2, seen));
        if (repository is not null)
            documents.AddRange(Take(Files(repository, "*.cs").Concat(Files(repository, "*.md")).Concat(Files(repository, "*.sol")).Select(Text), bytes / 5 * 2, seen));
        string[] languages = ["de", "zh_CN", "ja", "ru", "ar", "hi"];
        foreach (var language in languages)
            documents.AddRange(Take(Files($"/usr/share/locale/{language}/LC_MESSAGES", "*.mo").Select(Translations), bytes / 5 / languages.Length, seen));
        var order = new Random(1);
        var shuffled = documents.ToArray();
        order.Shuffle(shuffled);
        return [.. shuffled];
    }

    private static IEnumerable<string> Take(IEnumerable<string?> texts, int bytes, HashSet<string> seen)
    {
        foreach (var text in texts)
        {
            if (bytes <= 0)
                yield break;
            if (text is null || text.Length < 100 || !seen.Add(text[..100]))
                continue;
            var document = text.Length > LongestDocument ? text[..(LongestDocument - (char.IsHighSurrogate(text[LongestDocument - 1]) ? 1 : 0))] : text;
            bytes -= Encoding.UTF8.GetByteCount(document);
            yield return document;
        }
    }

    private static IEnumerable<string> Files(string folder, string pattern) => !Directory.Exists(folder) ? []
        : Directory.EnumerateFiles(folder, pattern, new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint })
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/node_modules/", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    private static string? Text(string path) => Decode(File.ReadAllBytes(path)) is { } text && !text.Contains('\0', StringComparison.Ordinal) ? text : null;

    // GNU gettext's .mo, "The Format of GNU MO Files": magic, revision, count, tables of originals and of translations as (length, offset).
    private static string? Translations(string path)
    {
        var file = File.ReadAllBytes(path);
        int Word(int at) => BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at));
        if (file.Length < 20 || BinaryPrimitives.ReadUInt32LittleEndian(file) != 0x950412DE)
            return null;
        var text = new StringBuilder();
        for (int i = 1; i < Word(8); i++) // the first is the header
            text.Append(Decode(file.AsSpan(Word(Word(16) + 8 * i + 4), Word(Word(16) + 8 * i)))?.Replace('\0', '\n')).Append('\n');
        return text.ToString();
    }

    private static string? Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null; // compressed, or in another encoding
        }
    }
}
