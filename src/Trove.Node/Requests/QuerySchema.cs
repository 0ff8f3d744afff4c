using Trove.Node.Protocol;

namespace Trove.Node.Requests;

/// <summary>The columns that queries can name, in words (specs/queries.md).</summary>
public static class QuerySchema
{
    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<ColumnInfo> Columns =
    [
        new("kind", "group, compare", "what the record is: comment, post, message, prompt, …"),
        new("platform", "group, compare", "where it was written, such as reddit"),
        new("community", "group, compare", "the public community it was written in, such as a subreddit; empty when there is none"),
        new("year", "group, number", "UTC year; 0 when the record has no time"),
        new("month", "group, number", "1 to 12"),
        new("weekday", "group, number", "1 Monday to 7 Sunday"),
        new("hour", "group, number", "0 to 23, UTC"),
        new("length", "number", "characters of title and text"),
        new("words", "number", "words of title and text"),
        new("mentions('word')", "number, condition", "1 when the text has that whole word, else 0"),
        new("bucket(NUMBER, width)", "group", "the number rounded down to a multiple of the width"),
        new("count(*) CLIP n", "aggregate", "records, at most n of one member"),
        new("sum(NUMBER) CLIP n", "aggregate", "sum, at most n of one member"),
        new("avg(NUMBER) CLIP n", "aggregate", "mean of the members' means, each at most n"),
        new("count(distinct member)", "aggregate", "members"),
    ];
}
