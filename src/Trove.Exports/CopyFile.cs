using System.Buffers.Binary;
using System.Text;
using Trove.Core;

namespace Trove.Exports;

/// <summary>
/// What the buyer of a copy gets: the parts in scope as their members wrote them, each behind the number of its member within
/// the copy (specs/uses.md, "Copies").
/// </summary>
public static class CopyFile
{
    /// <summary>What a request for a copy has in the place of a query.</summary>
    public const string Code = "COPY records";

    /// <summary>Longest file; a scope that has more is asked for in pieces.</summary>
    public const int MaxBytes = 39 << 20;

    private const int MaxKind = 32;

    private static ReadOnlySpan<byte> Magic => "trove/copy/1\n"u8;

    /// <summary>Keccak-256 of <see cref="Code"/>: what the terms name.</summary>
    public static Hash32 CodeHash { get; } = Keccak256.Hash(Encoding.ASCII.GetBytes(Code));

    /// <summary>Begins a file.</summary>
    public static void Begin(Stream file) => file.Write(Magic);

    /// <summary>Adds a part, compressed as it is; false when the file would be too long.</summary>
    /// <param name="member">Number of its owner within the copy.</param>
    public static bool TryAdd(Stream file, int member, PartKey key, ReadOnlySpan<byte> part)
    {
        var kind = Encoding.ASCII.GetBytes(key.Kind.Name());
        if (file.Length + part.Length + kind.Length + 11 > MaxBytes)
            return false;
        Span<byte> head = stackalloc byte[10];
        BinaryPrimitives.WriteInt32BigEndian(head, member);
        BinaryPrimitives.WriteUInt16BigEndian(head[4..], (ushort)key.Year);
        BinaryPrimitives.WriteInt32BigEndian(head[6..], part.Length);
        file.Write(head);
        file.WriteByte((byte)kind.Length);
        file.Write(kind);
        file.Write(part);
        return true;
    }

    /// <summary>The records with their members' numbers, lazily, part by part.</summary>
    /// <param name="file">All of it.</param>
    /// <param name="maxBytes">Inflated bytes of one part.</param>
    /// <exception cref="ExportException">While enumerating: this is no such file, or a part of it is damaged.</exception>
    public static IEnumerable<(int Member, Record Record)> Read(ReadOnlyMemory<byte> file, long maxBytes = PartReader.MaxBytes)
    {
        if (!file.Span.StartsWith(Magic))
            throw Bad("it does not begin as the copy of records");
        for (int at = Magic.Length; at < file.Length;)
        {
            var (member, key, part) = Next(file[at..]);
            at += part.Start;
            var bytes = file.Slice(at, part.Length).ToArray();
            foreach (var record in PartReader.Read(key, new MemoryStream(bytes, writable: false), maxBytes))
                yield return (member, record);
            at += part.Length;
        }
    }

    private static ExportException Bad(string problem) => new("read copy", "of records", problem, "fetch it again");

    private static (int Member, PartKey Key, (int Start, int Length) Part) Next(ReadOnlyMemory<byte> file)
    {
        var bytes = file.Span;
        if (bytes.Length < 11 || bytes[10] is 0 or > MaxKind || bytes.Length < 11 + bytes[10])
            throw Bad("it is cut short within the head of a part");
        int member = BinaryPrimitives.ReadInt32BigEndian(bytes), year = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]), length = BinaryPrimitives.ReadInt32BigEndian(bytes[6..]), start = 11 + bytes[10];
        if (!RecordKinds.TryParse(Encoding.ASCII.GetString(bytes[11..start]), out var kind) || year > 9999 || member < 0)
            throw Bad("the head of a part names a member, kind or year that cannot be");
        if (length < 0 || length > bytes.Length - start)
            throw Bad("it is cut short within a part");
        return (member, new PartKey(kind, year), (start, length));
    }
}
