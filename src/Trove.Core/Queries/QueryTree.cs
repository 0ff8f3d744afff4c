using System.Collections.Immutable;

namespace Trove.Core.Queries;

// The typed tree of a query. Only Query.Parse makes a Query, so a tree that was changed by hand reaches no engine.

/// <summary>A column of records whose value is a short label, never text that a member wrote freely.</summary>
public enum LabelColumn
{
    /// <summary>The record's kind, such as <c>comment</c>.</summary>
    Kind,

    /// <summary>The platform's short name.</summary>
    Platform,

    /// <summary>The public community it was written in; empty when there is none.</summary>
    Community,
}

/// <summary>A number that every record has; all are integers and none is negative.</summary>
public enum NumberColumn
{
    /// <summary>Unicode code points of title and text.</summary>
    Length,

    /// <summary>Words of title and text (specs/words.md).</summary>
    Words,

    /// <summary>The UTC year; 0 when the time is unknown.</summary>
    Year,

    /// <summary>1 to 12; 0 when the time is unknown.</summary>
    Month,

    /// <summary>1 (Monday) to 7 (ISO 8601); 0 when the time is unknown.</summary>
    Weekday,

    /// <summary>0 to 23, UTC; 0 when the time is unknown.</summary>
    Hour,
}

/// <summary>How two numbers are compared.</summary>
public enum Comparison
{
    /// <summary><c>=</c></summary>
    Equal,

    /// <summary><c>&lt;&gt;</c></summary>
    NotEqual,

    /// <summary><c>&lt;</c></summary>
    Less,

    /// <summary><c>&lt;=</c></summary>
    LessOrEqual,

    /// <summary><c>&gt;</c></summary>
    Greater,

    /// <summary><c>&gt;=</c></summary>
    GreaterOrEqual,
}

/// <summary>A number of one record.</summary>
public abstract record QueryNumber
{
    private protected QueryNumber() { }
}

/// <summary>One of the columns.</summary>
public sealed record ColumnNumber(NumberColumn Column) : QueryNumber;

/// <summary>1 when title or text has the whole word, 0 when not.</summary>
/// <param name="Word">Exactly one word, folded.</param>
public sealed record MentionsNumber(string Word) : QueryNumber;

/// <summary>What cells are told apart by.</summary>
public abstract record QueryKey
{
    private protected QueryKey() { }
}

/// <summary>A label.</summary>
public sealed record LabelKey(LabelColumn Column) : QueryKey;

/// <summary>A part of the time: <see cref="NumberColumn.Year"/> to <see cref="NumberColumn.Hour"/>.</summary>
public sealed record TimeKey(NumberColumn Column) : QueryKey;

/// <summary>A number rounded down to a multiple of <paramref name="Width"/>.</summary>
public sealed record BucketKey(QueryNumber Number, long Width) : QueryKey;

/// <summary>A column of the result.</summary>
/// <param name="Name">Its name there; no two columns share one.</param>
public abstract record QueryColumn(string Name);

/// <summary>A key of the cell.</summary>
public sealed record KeyColumn(QueryKey Key, string Name) : QueryColumn(Name);

/// <summary>An aggregate, to which no member adds more than the clip.</summary>
/// <param name="Clip">1 to <see cref="Query.MaxClip"/>, in the unit of the aggregate.</param>
public abstract record AggregateColumn(long Clip, string Name) : QueryColumn(Name);

/// <summary>Records.</summary>
public sealed record CountColumn(long Clip, string Name) : AggregateColumn(Clip, Name);

/// <summary>The sum of a number.</summary>
public sealed record SumColumn(QueryNumber Number, long Clip, string Name) : AggregateColumn(Clip, Name);

/// <summary>The mean over members of each member's mean.</summary>
public sealed record AverageColumn(QueryNumber Number, long Clip, string Name) : AggregateColumn(Clip, Name);

/// <summary>Distinct members; each counts 1, so that is the clip.</summary>
public sealed record MembersColumn(string Name) : AggregateColumn(1, Name);

/// <summary>What a record must fulfil to be counted.</summary>
public abstract record QueryCondition
{
    private protected QueryCondition() { }
}

/// <summary>All of two or more; none of them is an <see cref="AllOf"/>.</summary>
public sealed record AllOf(ImmutableArray<QueryCondition> Conditions) : QueryCondition;

/// <summary>One of two or more; none of them is an <see cref="AnyOf"/>.</summary>
public sealed record AnyOf(ImmutableArray<QueryCondition> Conditions) : QueryCondition;

/// <summary>The opposite.</summary>
public sealed record Not(QueryCondition Condition) : QueryCondition;

/// <summary>A number against an integer, 0 to <see cref="Query.MaxInteger"/>.</summary>
public sealed record Compare(QueryNumber Number, Comparison Comparison, long Value) : QueryCondition;

/// <summary>The word is mentioned.</summary>
public sealed record Mentioned(MentionsNumber Mentions) : QueryCondition;

/// <summary>The label is one of the values.</summary>
public sealed record LabelIn(LabelColumn Column, ImmutableArray<string> Values) : QueryCondition;

/// <summary>The label is another than the value.</summary>
public sealed record LabelDiffers(LabelColumn Column, string Value) : QueryCondition;
