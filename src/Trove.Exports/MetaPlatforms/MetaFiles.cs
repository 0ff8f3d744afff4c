using System.Text;
using System.Text.Json;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.MetaPlatforms;

/// <summary>What the files of Instagram and Facebook have in common.</summary>
internal static class MetaFiles
{
    public const int HeadBytes = 4096;

    /// <summary>A file's name in lower case without folders, <c>.json</c>, the number of a split file and that of a repeated download.</summary>
    public static string Stem(ExportFile file)
    {
        var name = Names.File(file.Name).ToLowerInvariant();
        if (!name.EndsWith(".json", StringComparison.Ordinal))
            return "";
        name = name[..^5];
        if (name.EndsWith(')') && name.LastIndexOf('(') is > 0 and var open)
            name = name[..open].TrimEnd();
        int underscore = name.LastIndexOf('_');
        return underscore > 0 && underscore < name.Length - 1 && !name.AsSpan(underscore + 1).ContainsAnyExceptInRange('0', '9') ? name[..underscore] : name;
    }

    /// <summary>
    /// The folders above a file, in lower case with slashes around: generations differ in what stands before them.
    /// </summary>
    public static string Folders(ExportFile file) => $"/{file.Name[..(file.Name.LastIndexOf('/') + 1)]}".ToLowerInvariant();

    /// <summary>
    /// What a file holds: the first member of its object without the generation's <c>_v2</c>, which is never localised; for
    /// an array the file's own name.
    /// </summary>
    public static string Section(ExportFile file)
    {
        if (Stem(file) is not { Length: > 0 } stem)
            return "";
        var head = file.Head(256).AsSpan();
        if (head.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            head = head[3..];
        head = head.TrimStart(" \t\r\n"u8);
        if (head.IsEmpty || head[0] != '{')
            return stem;
        head = head[1..].TrimStart(" \t\r\n"u8);
        int end = head.IsEmpty || head[0] != '"' ? -1 : head[1..].IndexOf((byte)'"');
        return end < 0 ? "" : Unversioned(Encoding.UTF8.GetString(head.Slice(1, end)));
    }

    /// <summary>A member's name without the version of its form.</summary>
    public static string Unversioned(string member) => member.EndsWith("_v2", StringComparison.Ordinal) || member.EndsWith("_v3", StringComparison.Ordinal) ? member[..^3] : member;

    /// <summary>A member's text, repaired.</summary>
    public static string Repaired(this JsonValue element, ReadOnlySpan<byte> name) => Mojibake.Repair(element.Text(name));

    /// <summary>The names of media files without their folders, which can be named after people.</summary>
    public static IEnumerable<string> Media(this JsonValue items) => items.ValueKind == JsonValueKind.Array ? items.Items().Select(item => Names.File(item.Text("uri"u8))) : [];
}
