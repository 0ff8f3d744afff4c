namespace Trove.Core.Queries;

/// <summary>One combination of keys, in the order of the columns; none without GROUP BY.</summary>
public sealed class QueryCell(IReadOnlyList<ResultValue> keys) : IEquatable<QueryCell>
{
    /// <summary>The values of the keys.</summary>
    public IReadOnlyList<ResultValue> Keys => keys;

    /// <summary>Canonical bytes (specs/canonical.md): <c>Text</c> for a label, <c>UInt64</c> for a number. They tell the cells of one query apart.</summary>
    public byte[] Encode()
    {
        var writer = new CanonicalWriter();
        foreach (var key in keys)
            _ = key.Label is { } label ? writer.Text(label) : writer.UInt64(checked((ulong)key.Number));
        return writer.Bytes.ToArray();
    }

    /// <inheritdoc/>
    public bool Equals(QueryCell? other) => other is not null && keys.SequenceEqual(other.Keys);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as QueryCell);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var key in keys)
            hash.Add(key);
        return hash.ToHashCode();
    }
}

/// <summary>What one member adds to one cell.</summary>
/// <param name="Cell">Which.</param>
/// <param name="Terms">Of each count, sum and average among the columns, in their order, from 0 to the clip; of an average in millionths.</param>
public readonly record struct MemberCell(QueryCell Cell, IReadOnlyList<long> Terms);
