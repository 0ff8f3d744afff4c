using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Trove.Exports.Source;

/// <summary>
/// Reads the directory of a ZIP (PKWARE APPNOTE 6.3, with ZIP64) and opens its entries. Ours, because an import and its
/// verifier must agree on every byte and <c>ZipArchive</c> accepts what lets two readers disagree or one be flooded:
/// overlapping entries, other names in the local headers, two entries of a name, a directory of any size.
/// Nothing is allocated from a claimed size. Not safe for use by several threads: entries share the archive's stream.
/// </summary>
internal static class ZipReader
{
    private const uint LocalHeader = 0x04034b50, DirectoryHeader = 0x02014b50, EndOfDirectory = 0x06054b50,
        Zip64End = 0x06064b50, Zip64Locator = 0x07064b50;

    private const int EndSize = 22, LocatorSize = 20, Zip64EndSize = 56, DirectorySize = 46, LocalSize = 30;

    private sealed record Entry(byte[] RawName, string Name, string? Problem, ushort Method, uint Crc, long Compressed, long Bytes, long Offset);

    /// <summary>Do these first bytes belong to a ZIP, whatever the file is called?</summary>
    public static bool Recognise(ReadOnlySpan<byte> head) =>
        head.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(head) is LocalHeader or EndOfDirectory;

    /// <summary>Lists the files of the archive in the order of its directory.</summary>
    /// <exception cref="ExportException">It is not a ZIP that can be read as a whole.</exception>
    public static List<ExportFile> Read(string name, Stream archive, ReadBudget budget)
    {
        try
        {
            return [.. Entries(name, archive, budget.Limits).Select(entry => File(archive, entry, budget))];
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException or OverflowException)
        {
            throw new ExportException("open export", name, $"it is not a whole ZIP archive ({(e is InvalidDataException ? e.Message : "its directory is cut short")})",
                "download it again, or unpack it with another tool and pass the folder", e);
        }
    }

    private static ExportFile File(Stream archive, Entry entry, ReadBudget budget) =>
        new(entry.Name, () => OpenEntry(archive, entry), budget)
        {
            Refused = entry.Problem,
            IsJunk = Names.IsJunk(entry.Name),
            CompressedBytes = entry.Method == 0 ? 0 : Math.Max(1, entry.Compressed),
            Claim = (entry.Bytes, entry.Crc),
        };

    private static List<Entry> Entries(string archiveName, Stream archive, ExportLimits limits)
    {
        var (position, size, count) = FindDirectory(archive);
        if (count > (ulong)limits.Entries)
            throw new ExportException("open export", archiveName, $"it lists {count} files, more than {limits.Entries}",
                "unpack it and pass only the files of the platform");
        var entries = new List<Entry>();
        Span<byte> header = stackalloc byte[DirectorySize];
        long end = position + size, at = position;
        for (ulong i = 0; i < count; i++)
        {
            if (end - at < DirectorySize)
                throw new InvalidDataException("its directory has fewer entries than it claims");
            ReadAt(archive, at, header);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) != DirectoryHeader)
                throw new InvalidDataException("its directory is damaged");
            var variable = new byte[U16(header, 28) + U16(header, 30)]; // name and extra: at most 128 KiB
            at += DirectorySize;
            if (end - at < variable.Length + U16(header, 32))
                throw new InvalidDataException("its directory is damaged");
            ReadAt(archive, at, variable);
            at += variable.Length + U16(header, 32);
            if (Parse(header, variable, limits) is { } entry)
                entries.Add(entry);
        }
        if (at != end)
            throw new InvalidDataException("its directory has more entries than it claims");

        // Overlapping entries are how a small archive holds many huge files (Fifield, "A better zip bomb", 2019).
        long free = 0;
        foreach (var entry in entries.OrderBy(entry => entry.Offset))
        {
            if (entry.Offset < free || entry.Offset > position || entry.Compressed > position - entry.Offset - LocalSize)
                throw new InvalidDataException("its entries overlap or lie outside it, as in zip bombs");
            free = entry.Offset + LocalSize + entry.RawName.Length + entry.Compressed;
        }
        return entries;
    }

    private static (long Position, long Size, ulong Count) FindDirectory(Stream archive)
    {
        int tailLength = (int)Math.Min(archive.Length, EndSize + ushort.MaxValue);
        var tail = new byte[tailLength];
        long tailStart = archive.Length - tailLength;
        ReadAt(archive, tailStart, tail);
        for (int i = tailLength - EndSize; i >= 0; i--)
        {
            var end = tail.AsSpan(i);
            if (BinaryPrimitives.ReadUInt32LittleEndian(end) != EndOfDirectory || U16(end, 20) != tailLength - i - EndSize)
                continue;
            ulong count = U16(end, 10);
            long size = U32(end, 12), position = U32(end, 16), limit = tailStart + i;
            if ((U16(end, 4) != 0 && U16(end, 4) != ushort.MaxValue) || U16(end, 8) != U16(end, 10))
                throw new InvalidDataException("it is one piece of a split archive");
            if (count == ushort.MaxValue || size == uint.MaxValue || position == uint.MaxValue)
                (position, size, count, limit) = Zip64(archive, limit) ?? (position, size, count, limit);
            if (position + size != limit)
                throw new InvalidDataException("its directory is not where it claims");
            return (position, size, count);
        }
        throw new InvalidDataException("its end is missing");
    }

    private static (long, long, ulong, long)? Zip64(Stream archive, long end)
    {
        if (end < LocatorSize + Zip64EndSize)
            return null;
        Span<byte> locator = stackalloc byte[LocatorSize], record = stackalloc byte[Zip64EndSize];
        ReadAt(archive, end - LocatorSize, locator);
        if (BinaryPrimitives.ReadUInt32LittleEndian(locator) != Zip64Locator)
            return null;
        long at = I64(locator, 8);
        if (at > end - LocatorSize - Zip64EndSize)
            throw new InvalidDataException("its ZIP64 directory is damaged");
        ReadAt(archive, at, record);
        if (BinaryPrimitives.ReadUInt32LittleEndian(record) != Zip64End)
            throw new InvalidDataException("its ZIP64 directory is damaged");
        return (I64(record, 48), I64(record, 40), BinaryPrimitives.ReadUInt64LittleEndian(record[32..]), at);
    }

    private static Entry? Parse(ReadOnlySpan<byte> header, ReadOnlySpan<byte> variable, ExportLimits limits)
    {
        int nameLength = U16(header, 28);
        var rawName = variable[..nameLength];
        long compressed = U32(header, 20), bytes = U32(header, 24), offset = U32(header, 42);
        ReadZip64Extra(variable[nameLength..], ref bytes, ref compressed, ref offset);
        var name = Names.Normalise(Decode(rawName));
        bool folder = name.EndsWith('/') && bytes == 0;
        if (folder && Names.Problem(name[..^1], limits) is null)
            return null;
        ushort flags = U16(header, 8), method = U16(header, 10);
        string? problem = Names.Problem(name, limits)
            ?? ((flags & 1) != 0 ? "it is encrypted"
            : method is not (0 or 8) ? $"it is compressed by method {method}, only store and deflate are read"
            : method == 0 && compressed != bytes ? "its two sizes differ though it is not compressed" : null);
        return new Entry(rawName.ToArray(), name, problem, method, U32(header, 16), compressed, bytes, offset);
    }

    private static void ReadZip64Extra(ReadOnlySpan<byte> extra, ref long bytes, ref long compressed, ref long offset)
    {
        while (extra.Length >= 4)
        {
            int length = U16(extra, 2);
            if (length > extra.Length - 4)
                return;
            if (U16(extra, 0) == 1)
            {
                var field = extra.Slice(4, length);
                Take(ref field, ref bytes);
                Take(ref field, ref compressed);
                Take(ref field, ref offset);
                return;
            }
            extra = extra[(4 + length)..];
        }

        static void Take(ref ReadOnlySpan<byte> field, ref long value)
        {
            if (value != uint.MaxValue || field.Length < 8)
                return;
            value = I64(field, 0);
            field = field[8..];
        }
    }

    private static Stream OpenEntry(Stream archive, Entry entry)
    {
        Span<byte> header = stackalloc byte[LocalSize];
        ReadAt(archive, entry.Offset, header);
        int nameLength = U16(header, 26);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != LocalHeader || nameLength != entry.RawName.Length)
            throw new InvalidDataException("its local header does not agree with the directory");
        var localName = new byte[nameLength];
        ReadAt(archive, entry.Offset + LocalSize, localName);
        if (!localName.AsSpan().SequenceEqual(entry.RawName) || U16(header, 8) != entry.Method)
            throw new InvalidDataException("its local header does not agree with the directory");
        var data = new StreamSlice(archive, entry.Offset + LocalSize + nameLength + U16(header, 28), entry.Compressed);
        return entry.Method == 0 ? data : new DeflateStream(data, CompressionMode.Decompress);
    }

    private static string Decode(ReadOnlySpan<byte> name)
    {
        try
        {
            return StrictUtf8.GetString(name);
        }
        catch (DecoderFallbackException)
        {
            return Encoding.Latin1.GetString(name); // an old archiver's code page; only shown, and matched in its ASCII part
        }
    }

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private static ushort U16(ReadOnlySpan<byte> span, int at) => BinaryPrimitives.ReadUInt16LittleEndian(span[at..]);
    private static uint U32(ReadOnlySpan<byte> span, int at) => BinaryPrimitives.ReadUInt32LittleEndian(span[at..]);

    private static long I64(ReadOnlySpan<byte> span, int at)
    {
        long value = BinaryPrimitives.ReadInt64LittleEndian(span[at..]);
        return value is >= 0 and < 1L << 60 ? value : throw new InvalidDataException("it claims an impossible size");
    }

    private static void ReadAt(Stream archive, long position, Span<byte> destination)
    {
        archive.Position = position;
        archive.ReadExactly(destination);
    }
}
