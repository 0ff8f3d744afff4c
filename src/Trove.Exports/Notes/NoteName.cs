using Trove.Exports.Text;

namespace Trove.Exports.Notes;

/// <summary>What a note's name tells.</summary>
/// <param name="Title">The name without folder, ending and id; empty where it is a day's.</param>
/// <param name="Id">The 32 hexadecimal digits with which Notion ends names; else empty.</param>
/// <param name="Day">The day with which the name begins, milliseconds since 1970 UTC.</param>
/// <param name="Folder">The folders, without ids.</param>
/// <param name="Parent">The id of the page in whose folder it lies; else empty.</param>
internal readonly record struct NoteName(string Title, string Id, long? Day, string Folder, string Parent)
{
    private const int IdLength = 32;

    public static NoteName Of(string path)
    {
        int slash = path.LastIndexOf('/');
        var (title, id) = Split(Path.GetFileNameWithoutExtension(path[(slash + 1)..]));
        var folders = slash < 0 ? [] : path[..slash].Split('/').Select(Split).ToList();
        long? day = title.Length == 10 || (title.Length > 10 && title[10] is ' ' or '_') ? Times.Exactly(title[..10], "yyyy-MM-dd") : null;
        return new NoteName(day is not null && title.Length == 10 ? "" : title, id, day, string.Join('/', folders.Select(folder => folder.Name)), folders.Count > 0 ? folders[^1].Id : "");
    }

    /// <summary><c>Tide tables 0123456789abcdef0123456789abcdef</c>, and with <c>_all</c> behind.</summary>
    private static (string Name, string Id) Split(string name)
    {
        var bare = name.EndsWith("_all", StringComparison.Ordinal) ? name.AsSpan()[..^4] : name;
        if (bare.Length < IdLength || bare[^IdLength..].ContainsAnyExcept("0123456789abcdef") || (bare.Length > IdLength && bare[^(IdLength + 1)] is not (' ' or '-')))
            return (name, "");
        return (bare[..^IdLength].TrimEnd(" -").ToString(), bare[^IdLength..].ToString());
    }
}
