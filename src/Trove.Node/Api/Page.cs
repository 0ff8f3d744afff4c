using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Trove.Node.Api;

/// <summary>Which page of a list is wanted: what follows the entry <c>after</c>, at most <c>limit</c> of it.</summary>
/// <param name="After">The cursor of the last entry that is known; null for the beginning.</param>
/// <param name="Limit">Most entries, 1 to 200.</param>
public sealed record PageRequest(string? After, int Limit)
{
    /// <summary>Entries without a limit named.</summary>
    public const int Default = 100;

    /// <summary>Entries at most: an entry can cost a call to the chain.</summary>
    public const int Most = 200;

    /// <summary>From the query string; a limit outside its bounds is moved into them.</summary>
    public static PageRequest Of(string? after, int? limit) => new(after, Math.Clamp(limit ?? Default, 1, Most));

    /// <summary>The cursor as a number from the node itself, 0 for the beginning.</summary>
    public long Position() => After is null ? 0
        : long.TryParse(After, NumberStyles.None, CultureInfo.InvariantCulture, out long position) ? position : throw BadCursor();

    /// <summary>Takes the page out of a list that only grows at its end.</summary>
    public (IReadOnlyList<T> Items, string? Next) Slice<T>(IReadOnlyList<T> all, Func<T, string> cursor)
    {
        int start = 0;
        if (After is not null)
        {
            while (start < all.Count && !cursor(all[start]).Equals(After, StringComparison.OrdinalIgnoreCase))
                start++;
            if (start++ == all.Count)
                throw BadCursor();
        }
        var items = all.Skip(start).Take(Limit).ToList();
        return (items, start + items.Count < all.Count ? cursor(items[^1]) : null);
    }

    private static ApiException BadCursor() => new(400, "bad-cursor", "the list has no entry that 'after' names", "take 'after' from the Link header of the page before, or leave it out to begin again");
}

/// <summary>A page of a list.</summary>
/// <param name="Items">Its entries.</param>
/// <param name="Next">The cursor of the page that follows; null after the last.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next)
{
    /// <summary>The entries as the body, the place of the next page as <c>Link: rel="next"</c> (RFC 8288).</summary>
    public Ok<IReadOnlyList<T>> Answer(HttpContext context, PageRequest page)
    {
        if (Next is not null)
        {
            var query = new QueryBuilder(context.Request.Query.Where(q => q.Key is not ("after" or "limit")).SelectMany(q => q.Value, (q, v) => KeyValuePair.Create(q.Key, v ?? "")))
            {
                { "after", Next }, { "limit", page.Limit.ToString(CultureInfo.InvariantCulture) },
            };
            context.Response.Headers.Link = $"<{context.Request.Path}{query}>; rel=\"next\"";
        }
        return TypedResults.Ok(Items);
    }
}
