using System.Buffers;
using System.IO.Compression;
using Trove.Exports.Source;

namespace Trove.Exports;

/// <summary>What a part holds: the records of one kind and one UTC year; year 0 where the time is not known.</summary>
public readonly record struct PartKey(RecordKind Kind, int Year) : IComparable<PartKey>
{
    /// <summary>The part that a record belongs to.</summary>
    public static PartKey Of(Record record) => new(record.Kind, record.Year);

    /// <summary>By kind in the vocabulary's order, then by year.</summary>
    public int CompareTo(PartKey other) => Kind != other.Kind ? Kind.CompareTo(other.Kind) : Year.CompareTo(other.Year);

    /// <summary>Such as <c>comment-2023</c>.</summary>
    public override string ToString() => $"{Kind.Name()}-{Year}";
}

/// <summary>What was written to a part.</summary>
/// <param name="Key">Its kind and year.</param>
/// <param name="Records">How many records.</param>
/// <param name="Words">Words of all titles and texts, marks of redaction not counted.</param>
/// <param name="OwnWords">Those of them that are the account's own.</param>
public sealed record PartSummary(PartKey Key, long Records, long Words, long OwnWords);

/// <summary>
/// Sorts records into parts, each gzipped canonical JSONL (specs/records.md), written while the records come: memory does
/// not grow with the export. No time and no name is in the gzip header and the level is fixed, so that the same records give
/// the same bytes on the same runtime.
/// </summary>
public sealed class PartWriter(Func<PartKey, Stream> open) : IDisposable
{
    private readonly SortedDictionary<PartKey, Part> _parts = [];
    private readonly ArrayBufferWriter<byte> _line = new();

    /// <summary>Adds a record, after redaction, to the part of its kind and year; opens that part's stream at its first record.</summary>
    /// <exception cref="ArgumentException">The record breaks <see cref="RecordRules"/>.</exception>
    public void Add(Record record)
    {
        _line.ResetWrittenCount();
        RecordJson.Write(_line, record);
        var key = PartKey.Of(record);
        if (!_parts.TryGetValue(key, out var part))
            _parts.Add(key, part = new Part(new GZipStream(open(key), CompressionLevel.Optimal)));
        part.Stream.Write(_line.WrittenSpan);
        long words = Redaction.CountWords(record);
        part.Records++;
        part.Words += words;
        part.OwnWords += record.Own ? words : 0;
    }

    /// <summary>Ends and closes all streams.</summary>
    /// <returns>The parts in order of their keys.</returns>
    public IReadOnlyList<PartSummary> Complete()
    {
        Dispose();
        return [.. _parts.Select(part => new PartSummary(part.Key, part.Value.Records, part.Value.Words, part.Value.OwnWords))];
    }

    /// <summary>Closes the streams.</summary>
    public void Dispose()
    {
        foreach (var part in _parts.Values)
            part.Stream.Dispose();
    }

    private sealed class Part(GZipStream stream)
    {
        public GZipStream Stream => stream;
        public long Records { get; set; }
        public long Words { get; set; }
        public long OwnWords { get; set; }
    }
}

/// <summary>Reads a part that a stranger wrote.</summary>
public static class PartReader
{
    /// <summary>Inflated bytes of one part. Stops a gzip bomb; well above a year of anybody's writing.</summary>
    public const long MaxBytes = 4L << 30;

    // A buffer grows with what comes: a file of thousands of small parts must not cost a large one for each.
    private const int FirstBuffer = 2048, FullBuffer = 65_536;

    /// <summary>The records, lazily, in the order written.</summary>
    /// <exception cref="ExportException">
    /// While enumerating: the part is damaged or too long, a line is not canonical, or a record is not of this kind and year.
    /// </exception>
    public static IEnumerable<Record> Read(PartKey key, Stream part, long maxBytes = MaxBytes)
    {
        using var inflated = new GzipReader(part);
        var buffer = new byte[FirstBuffer];
        int start = 0, end = 0;
        long total = 0, line = 0;
        bool filled = false;
        while (true)
        {
            int length = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (length >= 0)
            {
                var record = Parse(key, buffer.AsSpan(start, length), ++line);
                start += length + 1;
                yield return record;
                continue;
            }
            if (end - start > RecordRules.LineBytes)
                throw Bad(key, $"line {line + 1} is longer than {RecordRules.LineBytes} bytes");
            if (start > 0)
                buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
            if (end == buffer.Length || (filled && buffer.Length < FullBuffer))
                Array.Resize(ref buffer, 2 * buffer.Length);
            int read = Fill(key, inflated, buffer.AsSpan(end));
            filled = read == buffer.Length - end;
            if (read == 0)
                break;
            end += read;
            if ((total += read) > maxBytes)
                throw Bad(key, $"it inflates to more than {maxBytes} bytes");
        }
        if (end > start)
            throw Bad(key, $"line {line + 1} has no end: the part is cut short");
    }

    // Until the rest of the buffer is full, so that the search for a line's end stays linear.
    private static int Fill(PartKey key, Stream inflated, Span<byte> rest)
    {
        try
        {
            return inflated.ReadAtLeast(rest, rest.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException e)
        {
            throw Bad(key, e.Message, e);
        }
    }

    private static Record Parse(PartKey key, ReadOnlySpan<byte> bytes, long line)
    {
        Record record;
        try
        {
            record = RecordJson.Read(bytes);
        }
        catch (FormatException e)
        {
            throw Bad(key, $"line {line}: {e.Message}", e);
        }
        return PartKey.Of(record) == key ? record : throw Bad(key, $"line {line} is of another kind or year");
    }

    private static ExportException Bad(PartKey key, string problem, Exception? inner = null) =>
        new("read part", key.ToString(), problem, "it must be contributed again", inner);
}
