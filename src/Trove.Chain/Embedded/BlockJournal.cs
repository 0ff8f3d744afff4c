using System.Buffers.Binary;
using System.Security.Cryptography;
using Trove.Chain.Durability;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>The journal of the embedded chain does not hold what was written to it, or belongs to another chain.</summary>
public sealed class JournalDamagedException(string message) : IOException(message);

/// <summary>What makes a block: its time in seconds since 1970, the block it follows, and the transactions offered to it, in order.</summary>
internal sealed record JournalBlock(ulong Number, ulong Timestamp, Hash32 ParentHash, IReadOnlyList<byte[]> Transactions);

/// <summary>
/// Append-only file of <see cref="JournalBlock"/>s (specs/embedded-chain.md). Each record is bound to all before it by a chained
/// SHA-256, and its length has a check of its own: so a write cut short by a crash (the file ends inside the last record) can be told
/// from damage, which is never passed over. Not safe for several threads; a lock on the file keeps other processes out.
/// </summary>
internal sealed class BlockJournal : IDisposable
{
    private const int MagicSize = 8, HeadSize = MagicSize + Hash32.Size, FrameSize = 8, BlockSize = 8 + 8 + Hash32.Size + 4;
    private const int MaxRecordBytes = 64 * 1024 * 1024; // a full block of the largest transactions is half of that

    private readonly FileStream _file;
    private readonly string _path;
    private Hash32 _digest;
    private bool _broken;

    private BlockJournal(FileStream file, string path) => (_file, _path) = (file, path);

    private static ReadOnlySpan<byte> Magic => "trove-j1"u8;

    /// <summary>Bytes of an incomplete last record that were dropped on opening.</summary>
    public long TornBytes { get; private set; }

    /// <summary>Blocks in the journal; the last one's number.</summary>
    public ulong Count { get; private set; }

    /// <summary>Opens or creates the journal of the chain that <paramref name="chain"/> identifies, and checks every record.</summary>
    /// <exception cref="JournalDamagedException">Damage other than an incomplete last record, or another chain's journal.</exception>
    /// <exception cref="IOException">Another process has it open, or the disk fails.</exception>
    public static BlockJournal Open(string path, Hash32 chain)
    {
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"opening the journal {path}: {e.Message} (one embedded chain at a time may run in a folder)", e);
        }
        var journal = new BlockJournal(file, path);
        try
        {
            journal.Recover(chain);
            return journal;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>SHA-256 over all blocks, chained from the genesis.</summary>
    public Hash32 Digest => _digest;

    /// <summary>All blocks from the first one, checked again as they are read, each with the digest after it.</summary>
    public IEnumerable<(JournalBlock Block, Hash32 Digest)> Read()
    {
        long end = _file.Length;
        _file.Position = HeadSize;
        var digest = Head().Digest;
        for (ulong number = 1; _file.Position < end; number++)
        {
            long start = _file.Position;
            if (ReadRecord(ref digest, number, start) is not { } block)
                throw Damaged(start, "the record is incomplete, although it was complete before");
            long next = _file.Position;
            yield return (block, digest);
            _file.Position = next;
        }
    }

    /// <summary>Writes a block and syncs it to disk; returning means that it will be replayed after any crash.</summary>
    /// <exception cref="IOException">It could not be written: the block is not in the journal, or, when that is not certain, nothing more will be accepted.</exception>
    public void Append(JournalBlock block)
    {
        if (_broken)
            throw new IOException($"the journal {_path} failed before; restart the node once the disk is well");
        if (block.Number != Count + 1)
            throw new ArgumentException($"block {block.Number} cannot follow block {Count} in the journal {_path}");
        var payload = Encode(block);
        if (payload.Length > MaxRecordBytes)
            throw new ArgumentException($"block {block.Number} of {payload.Length} bytes; the journal takes {MaxRecordBytes}");
        var record = new byte[FrameSize + payload.Length + Hash32.Size];
        WriteFrame(record, _digest, payload.Length);
        payload.CopyTo(record, FrameSize);
        var digest = Chain(_digest, payload);
        digest.CopyTo(record.AsSpan(FrameSize + payload.Length));
        long end = _file.Length;
        try
        {
            _file.Position = end;
            _file.Write(record);
            DurableFile.Sync(_file);
        }
        catch (Exception e)
        {
            // After a failed fsync nobody knows what is on disk, not even after another one: only a fresh start may look.
            _broken = true;
            throw new IOException($"writing block {block.Number} to the journal {_path}: {e.Message}", e);
        }
        _digest = digest;
        Count++;
    }

    /// <summary>Drops all blocks but those that end within <paramref name="length"/> bytes of the file or have at most the number <paramref name="block"/>.</summary>
    /// <returns>How many blocks are left.</returns>
    public ulong TruncateAfter(long length, ulong block)
    {
        long end = HeadSize;
        ulong count = 0;
        var digest = Head().Digest;
        for (_file.Position = end; end < _file.Length; end = _file.Position)
        {
            var next = digest;
            ReadRecord(ref next, count + 1, end);
            if (_file.Position > length && count + 1 > block)
                break;
            (digest, count) = (next, count + 1);
        }
        _file.SetLength(end);
        _file.Flush(flushToDisk: true);
        (_digest, Count) = (digest, count);
        return count;
    }

    /// <summary>Closes the file and frees its lock.</summary>
    public void Dispose() => _file.Dispose();

    private void Recover(Hash32 chain)
    {
        if (_file.Length < HeadSize)
        {
            // Created a moment before a crash: no block can have been acknowledged.
            var head = new byte[HeadSize];
            Magic.CopyTo(head);
            chain.CopyTo(head.AsSpan(MagicSize));
            var found = new byte[_file.Length];
            _file.ReadExactly(found);
            if (!head.AsSpan().StartsWith(found))
                throw Damaged(0, "this is no journal");
            _file.Position = 0;
            _file.Write(head);
            DurableFile.Sync(_file);
            DurableFile.SyncFolder(Path.GetDirectoryName(Path.GetFullPath(_path))!);
        }
        var (magic, digest) = Head();
        if (!magic)
            throw Damaged(0, "this is no journal of this version");
        if (digest != chain)
            throw Damaged(MagicSize, "it belongs to another chain than genesis.json");
        while (_file.Position < _file.Length)
        {
            long start = _file.Position;
            if (ReadRecord(ref digest, Count + 1, start) is null)
            {
                TornBytes = _file.Length - start;
                _file.SetLength(start);
                DurableFile.Sync(_file);
                break;
            }
            Count++;
        }
        _digest = digest;
    }

    private (bool Magic, Hash32 Digest) Head()
    {
        var head = new byte[HeadSize];
        _file.Position = 0;
        _file.ReadExactly(head);
        return (head.AsSpan().StartsWith(Magic), new Hash32(head.AsSpan(MagicSize)));
    }

    /// <summary>The record at the file's position, or null when the file ends inside it.</summary>
    private JournalBlock? ReadRecord(ref Hash32 digest, ulong number, long start)
    {
        Span<byte> frame = stackalloc byte[FrameSize], expected = stackalloc byte[FrameSize];
        if (_file.Length - start < FrameSize)
            return null;
        _file.ReadExactly(frame);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(frame);
        if (length > MaxRecordBytes)
            throw Damaged(start, $"a length of {length} bytes");
        WriteFrame(expected, digest, (int)length);
        if (!frame.SequenceEqual(expected))
            throw Damaged(start, "the length does not match its check");
        if (_file.Length - _file.Position < length + Hash32.Size)
            return null;
        var record = new byte[length + Hash32.Size];
        _file.ReadExactly(record);
        var payload = record.AsSpan(0, (int)length);
        var next = Chain(digest, payload);
        if (next != new Hash32(record.AsSpan((int)length)))
            throw Damaged(start, "the contents do not match their hash");
        digest = next;
        return Decode(payload, number) ?? throw Damaged(start, $"the record is not block {number}");
    }

    private JournalDamagedException Damaged(long offset, string what) => new(
        $"reading the journal {_path} at byte {offset} (block {Count + 1}): {what}. Restore the file from a backup; to give up all blocks from here on, truncate it to {offset} bytes");

    private static byte[] Encode(JournalBlock block)
    {
        var payload = new byte[BlockSize + block.Transactions.Sum(t => 4 + t.Length)];
        BinaryPrimitives.WriteUInt64BigEndian(payload, block.Number);
        BinaryPrimitives.WriteUInt64BigEndian(payload.AsSpan(8), block.Timestamp);
        block.ParentHash.CopyTo(payload.AsSpan(16));
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(BlockSize - 4), (uint)block.Transactions.Count);
        var rest = payload.AsSpan(BlockSize);
        foreach (var transaction in block.Transactions)
        {
            BinaryPrimitives.WriteUInt32BigEndian(rest, (uint)transaction.Length);
            transaction.CopyTo(rest[4..]);
            rest = rest[(4 + transaction.Length)..];
        }
        return payload;
    }

    private static JournalBlock? Decode(ReadOnlySpan<byte> payload, ulong number)
    {
        if (payload.Length < BlockSize || BinaryPrimitives.ReadUInt64BigEndian(payload) != number)
            return null;
        uint count = BinaryPrimitives.ReadUInt32BigEndian(payload[(BlockSize - 4)..]);
        var rest = payload[BlockSize..];
        var transactions = new List<byte[]>();
        for (; count > 0 && rest.Length >= 4; count--)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - 4)
                return null;
            transactions.Add(rest.Slice(4, (int)length).ToArray());
            rest = rest[(4 + (int)length)..];
        }
        return count == 0 && rest.IsEmpty
            ? new JournalBlock(number, BinaryPrimitives.ReadUInt64BigEndian(payload[8..]), new Hash32(payload.Slice(16, Hash32.Size)), transactions)
            : null;
    }

    private static void WriteFrame(Span<byte> frame, Hash32 digest, int length)
    {
        BinaryPrimitives.WriteUInt32BigEndian(frame, (uint)length);
        Span<byte> hash = stackalloc byte[Hash32.Size];
        Chain(digest, frame[..4]).CopyTo(hash);
        hash[..4].CopyTo(frame[4..]);
    }

    private static Hash32 Chain(Hash32 digest, ReadOnlySpan<byte> bytes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(digest.ToArray());
        hash.AppendData(bytes);
        return new Hash32(hash.GetHashAndReset());
    }
}
