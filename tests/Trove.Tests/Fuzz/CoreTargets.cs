using Trove.Core;
using Trove.Core.Queries;
using Trove.Core.Rewards;
using static Trove.Tests.Fuzz.FuzzCheckException;
using static Trove.Tests.Fuzz.FuzzTarget;

namespace Trove.Tests.Fuzz;

/// <summary>Values, queries and lists of Trove.Core.</summary>
internal static class CoreTargets
{
    private const string Digits = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    public static IEnumerable<FuzzTarget> All() =>
    [
        new("hash", ["Hash32.TryParse", "Hash32.Parse", "Hex.TryDecode", "Hex.Decode"], Text("0x" + Digits, Digits), Hash, o => o is Hash32 h && h.ToArray()[3] > 0xF0, typeof(FormatException)) { Tokens = Text("f", "F", "0x", "0X") },
        new("address", ["Address.TryParse", "Address.Parse"], Text("0x" + Digits[..40], "0x5FbDB2315678afecb367f032d93F642f64180aa3"), Address,
            o => o is Address a && a.ToArray()[19] < 3, typeof(FormatException)) { Tokens = Text("0", "00", "0x") },
        new("amount", ["Money.TryParse", "Shares.TryParse", "Fixed.TryParse"], Text("12.5", "0.000001", "1843"), Amount, o => o is (Money { Units: var units }, _) && units > (UInt128)1 << 80)
            { Tokens = Text(".", "00000000000000000000", "+", "\u0663") },
        new("query", ["Query.Parse"], Text("SELECT year, community, count(*) CLIP 50 AS comments, count(distinct member) AS members FROM records WHERE kind = 'comment' AND year >= 2019 GROUP BY year, community",
            "SELECT avg(length) CLIP 900 FROM records WHERE mentions('tide') OR NOT (hour < 5)", "SELECT bucket(words, 10), sum(words) CLIP 7 FROM records GROUP BY bucket(words, 10) CELLS 12"),
            QueryText, o => o is Query { Where: Not or AllOf { Conditions.Length: > 2 } or AnyOf { Conditions.Length: > 2 } }, typeof(QuerySyntaxException))
            { Tokens = Text("(", ")", " AND ", " OR ", "NOT ", " = ", " <> ", " IN ('a', 'b')", "kind", "platform", "mentions('x')", "bucket(", "count(*) CLIP 1", "'", "''", "--", ";", "/*", "1 ", "year > 1", " CELLS 1", " AND year > 1", " OR hour < 3") },
        new("query-result", ["QueryResult.TryRead", "QueryResultReader.TryRead"], [Result(("kind", ResultType.Label, new ResultValue("post")), ("count", ResultType.Integer, new ResultValue(12))),
            Result(("avg_words", ResultType.Millionths, new ResultValue(-1_500_000)))], QueryResultJson, o => o is QueryResult { Rows.Count: > 1 })
            { Json = true, Tokens = Text("\\\"", "\\\\", "\"integer\"", "\"label\"", "]]}", "0.000000", "-", "-0.000001") },
        new("tag-list", ["TagList.TryRead"], [TagListOf((5, 100, []), (900, 10_000, [7, 1L << 40])), TagListOf()], Tags, o => o is TagList { Entries.Count: 3 }) { Record = 22 },
    ];

    private static object Hash(byte[] input)
    {
        var text = Targets.Text(input);
        var bytes = new byte[Hash32.Size];
        bool decoded = Hex.TryDecode(text, bytes), parsed = Hash32.TryParse(text, out var value);
        Require(!parsed || decoded, "a hash that is no hex");
        Require(!decoded || Hex.Decode(text).AsSpan().SequenceEqual(bytes), "two readings of hex differ");
        return parsed ? Hash32.TryParse(value.ToString(), out var again) && again == value && Hash32.Parse(text) == value ? value : throw new FuzzCheckException("hash") : Hash32.Parse(text);
    }

    private static object Address(byte[] input)
    {
        bool parsed = Trove.Core.Address.TryParse(Targets.Text(input), out var value);
        Require(!parsed || (Trove.Core.Address.TryParse(value.ToString(), out var again) && again == value), "address");
        return parsed ? value : Trove.Core.Address.Parse(Targets.Text(input));
    }

    private static object Amount(byte[] input)
    {
        var text = Targets.Text(input);
        bool money = Money.TryParse(text, out var m), shares = Shares.TryParse(text, out var s);
        Require(!money || (Money.TryParse(m.ToString(), out var m2) && m2 == m), "money does not read what it writes");
        Require(!shares || (Shares.TryParse(s.ToString(), out var s2) && s2 == s), "shares do not read what they write");
        Require(!(money || shares) || text.All(c => char.IsAsciiDigit(c) || c == '.'), "an amount of other characters");
        return (m, s);
    }

    private static Query QueryText(byte[] input)
    {
        var query = Query.Parse(Targets.Text(input));
        Require(Query.Parse(query.ToString()).Equals(query), "the canonical text is another query");
        Require(query.ToString().All(c => c is >= ' ' and <= '~' || char.IsLetterOrDigit(c) || char.GetUnicodeCategory(c) is System.Globalization.UnicodeCategory.NonSpacingMark or System.Globalization.UnicodeCategory.Surrogate
            or System.Globalization.UnicodeCategory.SpacingCombiningMark or System.Globalization.UnicodeCategory.OtherNumber or System.Globalization.UnicodeCategory.LetterNumber || c is '’' or '\'' || c > 0x2000), "the canonical text has odd characters");
        Require(query.Cells is >= 1 and <= Query.MaxCells && (query.Cells == 1 || query.Keys.Any()), "cells without bound");
        _ = query.CodeHash;
        return query;
    }

    private static QueryResult? QueryResultJson(byte[] input)
    {
        if (QueryResult.TryRead(input) is not { } result)
            return null;
        Require(result.ToJson().AsSpan().SequenceEqual(input), "not canonical");
        _ = result.ToCsv();
        return result;
    }

    private static TagList? Tags(byte[] input)
    {
        if (!TagList.TryRead(input, out var list))
            return null;
        Require(list.ToBytes().AsSpan().SequenceEqual(input), "not canonical");
        return list;
    }

    private static byte[] TagListOf(params (UInt128 Tag, uint Score, ulong[] Fingerprints)[] records)
    {
        var list = new TagList.Builder();
        foreach (var (tag, score, fingerprints) in records)
            list.Add(tag, score, fingerprints);
        return list.Build().ToBytes();
    }

    private static byte[] Result(params (string Name, ResultType Type, ResultValue Value)[] columns) =>
        new QueryResult(columns.Select(c => new ResultColumn(c.Name, c.Type)), [columns.Select(c => c.Value).ToList()]).ToJson();
}
