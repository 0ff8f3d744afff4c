using System.Globalization;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Chain.Events;

/// <summary>
/// How far a consumer has read, and by which blocks it would notice that the chain was rewritten. The consumer stores
/// it in the same database transaction as what the logs changed: then a crash or a rewrite loses and doubles nothing.
/// </summary>
public sealed class FollowerCursor
{
    /// <summary>Most blocks remembered: the deepest rewrite that can be followed near the head.</summary>
    public const int MaxRecent = 128;

    private FollowerCursor(ulong start, IReadOnlyList<BlockRef> recent) => (Start, Recent) = (start, recent);

    /// <summary>The first block whose events matter.</summary>
    public ulong Start { get; }

    /// <summary>Blocks that were read, ascending, the last being the newest read; not every block, and none before the first read.</summary>
    public IReadOnlyList<BlockRef> Recent { get; }

    /// <summary>The next block to read.</summary>
    public ulong Next => Recent.Count == 0 ? Start : Recent[^1].Number + 1;

    /// <summary>Nothing read yet; the first block to read is <paramref name="block"/>.</summary>
    public static FollowerCursor StartAt(ulong block) => new(block, []);

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    /// <exception cref="FormatException">Anything else.</exception>
    public static FollowerCursor Parse(string text)
    {
        if (text.Length > 100 * (MaxRecent + 1) || text.Contains('\0'))
            throw Malformed();
        var parts = text.Split(' ');
        if (parts.Length > MaxRecent + 1 || !ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong start))
            throw Malformed();
        var recent = new List<BlockRef>();
        foreach (var part in parts.Skip(1))
        {
            int colon = part.IndexOf(':');
            if (colon < 0 || !ulong.TryParse(part.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
                || !Hash32.TryParse(part[(colon + 1)..], out var hash)
                || number < start || (recent.Count > 0 && number <= recent[^1].Number))
                throw Malformed();
            recent.Add(new BlockRef(number, hash));
        }
        return new FollowerCursor(start, recent);

        static FormatException Malformed() => new("this is no cursor of an event follower; restore it, or index again from the first block");
    }

    /// <summary>One line of text to store.</summary>
    public override string ToString() =>
        string.Join(' ', Recent.Select(b => string.Create(CultureInfo.InvariantCulture, $"{b.Number}:{b.Hash.ToHex()}")).Prepend(Start.ToString(CultureInfo.InvariantCulture)));

    internal FollowerCursor Advance(IEnumerable<BlockRef> read) => new(Start, [.. Recent.Concat(read).TakeLast(MaxRecent)]);

    internal FollowerCursor BackTo(int count) => new(Start, [.. Recent.Take(count)]);
}
