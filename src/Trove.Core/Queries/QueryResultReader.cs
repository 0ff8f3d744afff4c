using System.Globalization;
using System.Text.Json;

namespace Trove.Core.Queries;

/// <summary>Reads a result's canonical JSON, which may come from a hostile runner: bounded, and written again to compare.</summary>
internal static class QueryResultReader
{
    public static QueryResult? TryRead(ReadOnlySpan<byte> json)
    {
        if (json.Length > QueryResult.MaxBytes)
            return null;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 4 });
            var result = new QueryResult(ReadColumns(ref reader, out var columns), ReadRows(ref reader, columns));
            return json.SequenceEqual(result.ToJson()) ? result : null;
        }
        catch (Exception e) when (e is JsonException or FormatException or OverflowException or ArgumentException or InvalidOperationException)
        {
            return null; // each is a way of not being canonical; InvalidOperationException: text that is no UTF-8
        }
    }

    private static List<ResultColumn> ReadColumns(ref Utf8JsonReader reader, out List<ResultColumn> columns)
    {
        columns = [];
        Take(ref reader, JsonTokenType.StartObject);
        TakeName(ref reader, "columns");
        Take(ref reader, JsonTokenType.StartArray);
        while (Next(ref reader) != JsonTokenType.EndArray && columns.Count < Query.MaxColumns)
        {
            TakeName(ref reader, "name");
            string name = TakeText(ref reader);
            TakeName(ref reader, "type");
            string type = TakeText(ref reader);
            if (!IsName(name) || !Enum.TryParse(type, true, out ResultType parsed) || !Enum.IsDefined(parsed))
                throw new FormatException("a column has no good name or type");
            columns.Add(new ResultColumn(name, parsed));
            Take(ref reader, JsonTokenType.EndObject);
        }
        return columns;
    }

    private static List<ResultValue[]> ReadRows(ref Utf8JsonReader reader, List<ResultColumn> columns)
    {
        var rows = new List<ResultValue[]>();
        TakeName(ref reader, "rows");
        Take(ref reader, JsonTokenType.StartArray);
        while (Next(ref reader) == JsonTokenType.StartArray && rows.Count <= QueryResult.MaxRows)
        {
            var row = new ResultValue[columns.Count];
            for (int i = 0; i < row.Length; i++)
                row[i] = Parse(TakeText(ref reader), columns[i].Type);
            Take(ref reader, JsonTokenType.EndArray);
            rows.Add(row);
        }
        return rows; // what is left of the text shows when it is written again
    }

    private static ResultValue Parse(string text, ResultType type) => type switch
    {
        ResultType.Label => new ResultValue(text),
        ResultType.Integer => new ResultValue(long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)),
        _ when text.IndexOf('.') is > 0 and var point && point == text.Length - 7 =>
            new ResultValue(long.Parse(text.Remove(point, 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)),
        _ => throw new FormatException("an average has six decimals"),
    };

    private static bool IsName(string name) => name.Length is > 0 and <= 32 && char.IsAsciiLetterLower(name[0])
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_');

    private static JsonTokenType Next(ref Utf8JsonReader reader) =>
        reader.Read() ? reader.TokenType : throw new FormatException("the result ends too early");

    private static void Take(ref Utf8JsonReader reader, JsonTokenType type)
    {
        if (Next(ref reader) != type)
            throw new FormatException($"expected {type}");
    }

    private static void TakeName(ref Utf8JsonReader reader, string name)
    {
        Take(ref reader, JsonTokenType.PropertyName);
        if (!reader.ValueTextEquals(name))
            throw new FormatException($"expected {name}");
    }

    private static string TakeText(ref Utf8JsonReader reader)
    {
        Take(ref reader, JsonTokenType.String);
        return reader.GetString()!;
    }
}
