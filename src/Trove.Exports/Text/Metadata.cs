using System.Collections.Immutable;

namespace Trove.Exports.Text;

/// <summary>Builds the metadata of a record out of what a format knows.</summary>
internal static class Metadata
{
    /// <summary>The pairs whose value is not empty; a repeated key keeps the last.</summary>
    public static ImmutableSortedDictionary<string, string> Meta(params ReadOnlySpan<(string Key, string Value)> pairs)
    {
        var meta = Record.NoMeta.ToBuilder();
        foreach (var (key, value) in pairs)
        {
            if (value.Length > 0)
                meta[key] = value;
        }
        return meta.ToImmutable();
    }

    /// <summary>The values that are not empty, a space between them; those that no longer fit a metadata value are left out.</summary>
    public static string List(IEnumerable<string> values, char separator = ' ')
    {
        var list = new System.Text.StringBuilder();
        foreach (var value in values)
        {
            if (value.Length > 0 && list.Length + 1 + value.Length <= RecordRules.MetaValue)
                list.Append(list.Length > 0 ? separator.ToString() : "").Append(value);
        }
        return list.ToString();
    }
}
