using System.Text;

namespace Trove.Exports;

/// <summary>Names of files inside an export: what they may be, and how they are shown.</summary>
internal static class Names
{
    /// <summary>Forward slashes, no leading <c>./</c>.</summary>
    public static string Normalise(string raw)
    {
        var name = raw.Replace('\\', '/');
        while (name.StartsWith("./", StringComparison.Ordinal))
            name = name[2..];
        return name;
    }

    /// <summary>Why a normalised name is never read; null when it is fine.</summary>
    public static string? Problem(string name, ExportLimits limits)
    {
        if (name.Length > limits.NameLength)
            return $"its name is longer than {limits.NameLength} characters";
        if (name.Length == 0 || name[0] == '/' || (name.Length > 1 && name[1] == ':') || name.Any(char.IsControl))
            return "its name is empty, absolute or holds control characters";
        var parts = name.Split('/');
        if (parts.Length > limits.Depth)
            return $"it lies below more than {limits.Depth} folders";
        return parts.Any(part => part is ".." or "." or "") ? "its name leads outside the export" : null;
    }

    /// <summary>What operating systems leave in archives and folders.</summary>
    public static bool IsJunk(string name)
    {
        var file = File(name);
        return name.StartsWith("__MACOSX/", StringComparison.Ordinal) || file.StartsWith("._", StringComparison.Ordinal)
            || file is ".DS_Store" or "Thumbs.db" or "desktop.ini";
    }

    /// <summary>The last part of a name.</summary>
    public static string File(string name) => name[(name.LastIndexOf('/') + 1)..];

    /// <summary>Without control characters and of bounded length, for messages.</summary>
    public static string Printable(string name)
    {
        var shown = new StringBuilder();
        foreach (var rune in name.EnumerateRunes())
        {
            if (shown.Length > 120)
                return shown.Append('…').ToString();
            shown.Append(Rune.IsControl(rune) || Rune.GetUnicodeCategory(rune) == System.Globalization.UnicodeCategory.Format ? "?" : rune.ToString());
        }
        return shown.ToString();
    }
}
