using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Trove.Exports;

/// <summary>
/// A record's metadata: at most some dozens of texts by key, in ordinal order of the keys, unchangeable. Two arrays, because every record has one and
/// a tree of nodes costs more than reading the record. Equal when keys and values are.
/// </summary>
public sealed class Metadata : IReadOnlyDictionary<string, string>, IEquatable<Metadata>
{
    /// <summary>None.</summary>
    public static readonly Metadata Empty = new([], []);

    private readonly string[] _keys, _values;

    private Metadata(string[] keys, string[] values) => (_keys, _values) = (keys, values);

    /// <summary>Those pairs whose value is not empty; of a repeated key the last.</summary>
    public static Metadata Of(params ReadOnlySpan<(string Key, string Value)> pairs)
    {
        int count = 0;
        foreach (var (_, value) in pairs)
            count += value.Length > 0 ? 1 : 0;
        if (count == 0)
            return Empty;
        var (keys, values) = (new string[count], new string[count]);
        int filled = 0;
        foreach (var (key, value) in pairs)
            if (value.Length > 0)
                filled = Put(keys, values, filled, key, value);
        return filled == count ? new Metadata(keys, values) : new Metadata(keys[..filled], values[..filled]);
    }

    /// <summary>The values that are not empty, a separator between them; those that no longer fit a metadata value are left out.</summary>
    public static string List(IEnumerable<string> values, char separator = ' ')
    {
        var list = new StringBuilder();
        foreach (var value in values)
            if (value.Length > 0 && list.Length + 1 + value.Length <= RecordRules.MetaValue)
                list.Append(list.Length > 0 ? separator.ToString() : "").Append(value);
        return list.ToString();
    }

    // Of keys that ascend.
    internal static Metadata FromOrdered(string[] keys, string[] values) => keys.Length == 0 ? Empty : new Metadata(keys, values);

    /// <inheritdoc/>
    public int Count => _keys.Length;

    /// <inheritdoc/>
    public IEnumerable<string> Keys => _keys;

    /// <inheritdoc/>
    public IEnumerable<string> Values => _values;

    /// <inheritdoc/>
    public string this[string key] => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"there is no metadata '{key}'");

    /// <inheritdoc/>
    public bool ContainsKey(string key) => Array.IndexOf(_keys, key) >= 0;

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value)
    {
        int at = Array.IndexOf(_keys, key);
        value = at < 0 ? null : _values[at];
        return at >= 0;
    }

    /// <summary>The same with another value of a key, or one more.</summary>
    public Metadata SetItem(string key, string value)
    {
        var (keys, values) = (new string[Count + 1], new string[Count + 1]);
        _keys.CopyTo(keys, 0);
        _values.CopyTo(values, 0);
        int filled = Put(keys, values, Count, key, value);
        return filled == keys.Length ? new Metadata(keys, values) : new Metadata(keys[..filled], values[..filled]);
    }

    /// <summary>Without allocating.</summary>
    public Enumerator GetEnumerator() => new(this);

    IEnumerator<KeyValuePair<string, string>> IEnumerable<KeyValuePair<string, string>>.GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
            yield return KeyValuePair.Create(_keys[i], _values[i]);
    }

    IEnumerator IEnumerable.GetEnumerator() => ((IEnumerable<KeyValuePair<string, string>>)this).GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(Metadata? other) => other is not null && _keys.AsSpan().SequenceEqual(other._keys) && _values.AsSpan().SequenceEqual(other._values);

    /// <inheritdoc/>
    public override bool Equals(object? other) => Equals(other as Metadata);

    /// <inheritdoc/>
    public override int GetHashCode() => Count == 0 ? 0 : HashCode.Combine(Count, _keys[0], _values[0]);

    /// <summary>Keys only: values do not belong in logs.</summary>
    public override string ToString() => string.Join(", ", _keys);

    // Into its place; the number of pairs that there are then.
    private static int Put(string[] keys, string[] values, int filled, string key, string value)
    {
        int at = filled;
        while (at > 0 && string.CompareOrdinal(keys[at - 1], key) is var order && order >= 0)
        {
            if (order == 0)
            {
                values[at - 1] = value;
                return filled;
            }
            at--;
        }
        Array.Copy(keys, at, keys, at + 1, filled - at);
        Array.Copy(values, at, values, at + 1, filled - at);
        (keys[at], values[at]) = (key, value);
        return filled + 1;
    }

    /// <summary>Walks the pairs.</summary>
    public struct Enumerator(Metadata of)
    {
        private int _at = -1;

        /// <summary>The pair it stands at.</summary>
        public readonly KeyValuePair<string, string> Current => KeyValuePair.Create(of._keys[_at], of._values[_at]);

        /// <summary>Goes on.</summary>
        public bool MoveNext() => ++_at < of.Count;
    }
}
