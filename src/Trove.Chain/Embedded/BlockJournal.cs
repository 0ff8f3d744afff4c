using System.Buffers.Binary;
using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>One block as it was made: enough to make it again, bit for bit.</summary>
/// <param name="Number">Its height, from 1.</param>
/// <param name="Timestamp">Seconds since 1970, UTC.</param>
/// <param name="PreviousHash">Hash of the block below.</param>
/// <param name="Transactions">Raw signed transactions in the order of their execution.</param>
public sealed record JournaledBlock(ulong Number, ulong Timestamp, Hash32 PreviousHash, IReadOnlyList<byte[]> Transactions);

/// <summary>The journal is damaged, or belongs to another chain.</summary>
public sealed class JournalException(string message) : IOException(message);

/// <summary>
/// The blocks of an embedded chain, appended and fsynced before they are mined (specs/embedded-chain.md). Each record is
/// <c>length u32 | CRC-32 of the length | SHA-256 of (previous record's SHA-256 | body) | body</c>. A record that a crash
/// cut short is set aside and dropped: nobody was told that it happened. Anything else that does not fit is damage.
/// </summary>
public sealed class BlockJournal : IDisposable
{
    /// <summary>Largest body of a record: a block of transactions that fill the gas limit is far smaller.</summary>
    public const int MaxBody = 64 << 20;

    private const int HeaderSize = 8 + Hash32.Size;
    private static readonly byte[] Magic = "trove/blocks/1\n\0"u8.ToArray();

    /// <summary>Where the first record is.</summary>
    public static long Start => Magic.Length + Hash32.Size;

    private readonly FileStream _file;
    private readonly string _path;
    private Hash32 _last;
    private bool _broken;

    private BlockJournal(FileStream file, string path, Hash32 last)
    {
        (_file, _path, _last) = (file, path, last);
    }

    /// <summary>Where the next record goes: its offset in bytes.</summary>
    public long Position => _file.Position;

    /// <summary>Bytes of a torn last record that were set aside when the journal was opened.</summary>
    public long DroppedBytes { get; private set; }

    /// <summary>Number of the last block; 0 without one.</summary>
    public ulong LastNumber { get; private set; }

    /// <summary>Opens or creates the journal and checks every record.</summary>
    /// <param name="path">The file.</param>
    /// <param name="chain">What binds the journal to its chain: <see cref="ChainGenesis.Id"/>.</param>
    /// <exception cref="JournalException">Damage other than a torn last record, or another chain's journal.</exception>
    public static BlockJournal Open(string path, Hash32 chain)
    {
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            var journal = new BlockJournal(file, path, chain);
            if (file.Length < Start)
                journal.Create(chain);
            else
                journal.CheckAll(chain);
            return journal;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The blocks from <paramref name="position"/> on: <see cref="Start"/>, or what <see cref="Position"/> was once.</summary>
    /// <exception cref="JournalException">No record starts there.</exception>
    public IEnumerable<JournaledBlock> ReadFrom(long position)
    {
        using var file = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        long end = Position;
        file.Position = position;
        var header = new byte[HeaderSize];
        while (file.Position < end)
        {
            long offset = file.Position;
            if (end - offset < HeaderSize)
                throw Damage(offset, "no record starts here");
            file.ReadExactly(header);
            if (!TryLength(header, out int length) || end - file.Position < length)
                throw Damage(offset, "no record starts here");
            var body = new byte[length];
            file.ReadExactly(body);
            yield return Decode(body) ?? throw Damage(offset, "a record that is no block");
        }
    }

    /// <summary>Appends a block and returns when it is on the disk.</summary>
    /// <exception cref="IOException">It may or may not be there: the journal takes nothing more until it is opened again.</exception>
    public void Append(JournaledBlock block)
    {
        if (block.Number != LastNumber + 1)
            throw new ArgumentException($"block {block.Number} cannot follow block {LastNumber} in the journal");
        if (_broken)
            throw new JournalException($"appending to {_path}: an earlier write failed; free disk space and start the node again");
        var body = Encode(block);
        if (body.Length > MaxBody)
            throw new ArgumentException($"a block of {body.Length} bytes; a journal record holds at most {MaxBody}");
        var digest = Digest(_last, body);
        var record = new byte[HeaderSize + body.Length];
        BinaryPrimitives.WriteUInt32BigEndian(record, (uint)body.Length);
        BinaryPrimitives.WriteUInt32BigEndian(record.AsSpan(4), Crc32(record.AsSpan(0, 4)));
        digest.CopyTo(record.AsSpan(8));
        body.CopyTo(record, HeaderSize);
        _broken = true; // until the disk has it: after a failed fsync nobody knows what the file holds
        _file.Write(record);
        _file.Flush(flushToDisk: true);
        _broken = false;
        (_last, LastNumber) = (digest, block.Number);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private void Create(Hash32 chain)
    {
        // A crash while the header was written leaves less than a header: no block was ever acknowledged.
        _file.SetLength(0);
        _file.Write(Magic);
        _file.Write(chain.ToArray());
        _file.Flush(flushToDisk: true);
        DurableFile.SyncFolder(Path.GetDirectoryName(Path.GetFullPath(_path))!);
    }

    private void CheckAll(Hash32 chain)
    {
        var start = new byte[Start];
        _file.ReadExactly(start);
        if (!start.AsSpan(0, Magic.Length).SequenceEqual(Magic) || new Hash32(start.AsSpan(Magic.Length)) != chain)
            throw new JournalException($"{_path} is no journal of this chain (its genesis differs); put back the files that belong together");
        var header = new byte[HeaderSize];
        while (_file.Position < _file.Length)
        {
            long offset = _file.Position, left = _file.Length - offset;
            if (left < HeaderSize)
            {
                SetAside(offset);
                return;
            }
            _file.ReadExactly(header);
            if (!TryLength(header, out int length))
            {
                // After a power failure the file may be longer than what was written, the rest being zeros.
                if (!OnlyZerosFrom(offset))
                    throw Damage(offset, "the length of a record is not what was written");
                SetAside(offset);
                return;
            }
            if (left < HeaderSize + length)
            {
                SetAside(offset);
                return;
            }
            var body = new byte[length];
            _file.ReadExactly(body);
            var digest = Digest(_last, body);
            if (digest != new Hash32(header.AsSpan(8)))
            {
                // The last record's pages may have reached the disk in any order; an earlier record's had all been synced.
                if (_file.Position < _file.Length && !OnlyZerosFrom(_file.Position))
                    throw Damage(offset, "the content of a record is not what was written");
                SetAside(offset);
                return;
            }
            if (Decode(body) is not { } block || block.Number != LastNumber + 1)
                throw Damage(offset, "a record that is no block, or not the next one");
            (_last, LastNumber) = (digest, block.Number);
        }
    }

    private static bool TryLength(ReadOnlySpan<byte> header, out int length)
    {
        uint value = BinaryPrimitives.ReadUInt32BigEndian(header);
        length = value <= MaxBody ? (int)value : 0;
        return value <= MaxBody && Crc32(header[..4]) == BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
    }

    private bool OnlyZerosFrom(long offset)
    {
        long back = _file.Position;
        _file.Position = offset;
        var buffer = new byte[64 * 1024];
        bool zeros = true;
        for (int n; zeros && (n = _file.Read(buffer)) > 0;)
            zeros = !buffer.AsSpan(0, n).ContainsAnyExcept((byte)0);
        _file.Position = back;
        return zeros;
    }

    // Kept beside the journal rather than destroyed: should the disk be at fault and not a crash, nothing is lost silently.
    private void SetAside(long offset)
    {
        DroppedBytes = _file.Length - offset;
        _file.Position = offset;
        DurableFile.Write($"{_path}.torn-{offset}", _file.CopyTo);
        _file.SetLength(offset);
        _file.Position = offset;
        _file.Flush(flushToDisk: true);
    }

    private JournalException Damage(long offset, string what) =>
        new($"{_path} is damaged at byte {offset}: {what}; restore the folder from a backup (what is before this byte is intact)");

    private static Hash32 Digest(Hash32 previous, ReadOnlySpan<byte> body)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(previous.ToArray());
        sha.AppendData(body);
        return new Hash32(sha.GetHashAndReset());
    }

    private static byte[] Encode(JournaledBlock block)
    {
        var body = new byte[8 + 8 + Hash32.Size + 4 + block.Transactions.Sum(t => 4L + t.Length)];
        BinaryPrimitives.WriteUInt64BigEndian(body, block.Number);
        BinaryPrimitives.WriteUInt64BigEndian(body.AsSpan(8), block.Timestamp);
        block.PreviousHash.CopyTo(body.AsSpan(16));
        BinaryPrimitives.WriteUInt32BigEndian(body.AsSpan(48), (uint)block.Transactions.Count);
        int at = 52;
        foreach (var raw in block.Transactions)
        {
            BinaryPrimitives.WriteUInt32BigEndian(body.AsSpan(at), (uint)raw.Length);
            raw.CopyTo(body, at + 4);
            at += 4 + raw.Length;
        }
        return body;
    }

    private static JournaledBlock? Decode(ReadOnlySpan<byte> body)
    {
        if (body.Length < 52)
            return null;
        uint count = BinaryPrimitives.ReadUInt32BigEndian(body[48..]);
        var rest = body[52..];
        var transactions = new List<byte[]>();
        for (; count > 0; count--)
        {
            if (rest.Length < 4 || BinaryPrimitives.ReadUInt32BigEndian(rest) is var length && length > rest.Length - 4)
                return null;
            transactions.Add(rest.Slice(4, (int)length).ToArray());
            rest = rest[(4 + (int)length)..];
        }
        return rest.IsEmpty
            ? new JournaledBlock(BinaryPrimitives.ReadUInt64BigEndian(body), BinaryPrimitives.ReadUInt64BigEndian(body[8..]), new Hash32(body.Slice(16, Hash32.Size)), transactions)
            : null;
    }

    // CRC-32 (ISO 3309) bit by bit: four bytes a record need no table.
    private static uint Crc32(ReadOnlySpan<byte> data)
    {
        uint crc = ~0u;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0);
        }
        return ~crc;
    }
}
