using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.WhatsApp;

/// <summary>The files of a WhatsApp export (specs/exports/whatsapp.md).</summary>
internal static class WhatsAppFiles
{
    public const string Platform = "whatsapp";

    private const int HeadBytes = 4096;

    /// <summary>The first bytes of a text whose first line is a message's; empty for every other file.</summary>
    public static byte[] ChatHead(ExportFile file, ExportLimits limits)
    {
        if (!file.Name.EndsWith(".txt", StringComparison.OrdinalIgnoreCase))
            return [];
        var head = file.Head(HeadBytes);
        try
        {
            var lines = new LineReader(new MemoryStream(head), Math.Min(HeadBytes, limits.RowLength));
            while (lines.Read(out var line))
            {
                if (WhatsAppHeader.SkipMarks(line, 0) < line.Length)
                    return WhatsAppHeader.TryParse(line, out _) ? head : [];
            }
        }
        catch (InvalidDataException)
        {
            // UTF-16: not a chat.
        }
        return [];
    }

    /// <summary><c>_chat.txt</c>, or a name with the platform's in it, which stays the same in most languages.</summary>
    public static bool IsNamed(ExportFile file)
    {
        var name = Names.File(file.Name);
        return name.StartsWith("_chat", StringComparison.OrdinalIgnoreCase) || file.Name.Contains("whatsapp", StringComparison.OrdinalIgnoreCase)
            || file.Name.Contains("واتساب", StringComparison.Ordinal);
    }

    /// <summary>
    /// The chat that a file holds. The export gives it no id but the file's name, which is often a person's.
    /// </summary>
    public static string Thread(ExportFile file) => RecordRules.NamedThread(file.Name[..^4]);
}
