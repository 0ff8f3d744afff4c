using System.Collections.Immutable;

namespace Trove.Exports.Text;

/// <summary>Metadata of a record out of what a format found.</summary>
internal static class Meta
{
    /// <summary>The pairs whose value is known.</summary>
    public static ImmutableSortedDictionary<string, string> Of(params ReadOnlySpan<(string Key, string Value)> pairs)
    {
        ImmutableSortedDictionary<string, string>.Builder? meta = null;
        foreach (var (key, value) in pairs)
        {
            if (value.Length > 0)
                (meta ??= Record.NoMeta.ToBuilder())[key] = value;
        }
        return meta?.ToImmutable() ?? Record.NoMeta;
    }
}
