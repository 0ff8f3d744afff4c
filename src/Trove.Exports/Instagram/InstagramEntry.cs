using Trove.Exports.MetaPlatforms;
using Trove.Exports.Text;

namespace Trove.Exports.Instagram;

/// <summary>
/// One entry of a section. Its labels are localised, so that it is read by shape: a time is what has a timestamp, an address what
/// has a link, and values keep their order.
/// </summary>
internal sealed class InstagramEntry
{
    private InstagramEntry()
    {
    }

    /// <summary>Mostly the other account's name.</summary>
    public string Title { get; private set; } = "";

    /// <summary>Meta's id; empty where the generation gives none.</summary>
    public string Id { get; private set; } = "";

    public long? Time { get; private set; }

    public string Url { get; private set; } = "";

    /// <summary>What is neither time nor address, with its label.</summary>
    public List<(string Label, string Value)> Values { get; } = [];

    /// <summary>The value under one of these labels, else the one at this place; empty when there is none.</summary>
    public string Value(int place, params ReadOnlySpan<string> labels)
    {
        foreach (var (label, value) in Values)
        {
            if (labels.Contains(label))
                return value;
        }
        return place < Values.Count ? Values[place].Value : "";
    }

    /// <summary>Reads an entry of any generation.</summary>
    public static InstagramEntry Read(JsonValue element)
    {
        var entry = new InstagramEntry
        {
            Title = element.Repaired("title"u8),
            Id = element.Text("fbid"u8),
            Time = element.UnixSeconds("timestamp"u8),
        };
        foreach (var item in element.Get("string_list_data"u8).Items())
            entry.Add("", item);
        foreach (var item in element.Get("string_map_data"u8).Members())
            entry.Add(Mojibake.Repair(item.Name), item);
        entry.AddLabelled(element.Get("label_values"u8), depth: 0);
        return entry;
    }

    /// <summary>Values can lie inside others, as the owner's name does: <c>{"title":"Owner","dict":[{"dict":[{"label":…}]}]}</c>.</summary>
    private void AddLabelled(JsonValue values, int depth)
    {
        const int deepest = 4;
        foreach (var item in values.Items())
        {
            Add(item.Repaired("label"u8), item);
            if (depth < deepest)
                AddLabelled(item.Get("dict"u8), depth + 1);
        }
    }

    private void Add(string label, JsonValue item)
    {
        Time ??= item.UnixSeconds("timestamp"u8);
        var address = item.Text("href"u8);
        var value = item.Repaired("value"u8);
        bool isAddress = value.StartsWith("https://", StringComparison.Ordinal) && !value.AsSpan().ContainsAny(" \n");
        if (Url.Length == 0)
            Url = address.Length > 0 ? address : label.Length > 0 && isAddress ? value : "";
        if (value.Length > 0 && value != Url && !(label == "URL" && isAddress))
            Values.Add((label, value));
    }
}
