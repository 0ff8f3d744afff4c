using Trove.Core;

namespace Trove.Node.Guardians;

/// <summary>What a check of one chain of a guardian's log found.</summary>
/// <param name="Guardian">Whose it is, by its first line.</param>
/// <param name="Count">Entries that fit.</param>
/// <param name="Head">Hash of the last of them.</param>
/// <param name="Wrong">Number of the first line that does not fit; null when all do.</param>
/// <param name="Why">What is wrong with it.</param>
/// <param name="Torn">Bytes behind the last whole line: of a power failure, or of an entry that is being written.</param>
public sealed record GuardianLogCheck(uint Chain, Address Guardian, ulong Count, Hash32 Head, ulong? Wrong, string? Why, long Torn);

/// <summary>Reads files of a guardian's log, forwards and backwards, in bounded memory.</summary>
public static class GuardianLogReader
{
    private const int Block = 1 << 16;

    /// <summary>Checks a whole chain.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="chain">Its number.</param>
    /// <param name="seen">Is given each entry that fits, and the hash of its line.</param>
    /// <param name="ct">Ends the work.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static GuardianLogCheck Check(string path, uint chain, Action<GuardianLogEntry, Hash32>? seen, CancellationToken ct)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, Block, FileOptions.SequentialScan);
        return Check(file, chain, seen, ct);
    }

    internal static GuardianLogCheck Check(Stream file, uint chain, Action<GuardianLogEntry, Hash32>? seen, CancellationToken ct)
    {
        Address guardian = default;
        Hash32 head = default;
        ulong count = 0;
        var buffer = new byte[Block];
        int filled = 0;
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            int read = file.Read(buffer, filled, buffer.Length - filled);
            filled += read;
            int start = 0;
            for (int end; (end = buffer.AsSpan(start, filled - start).IndexOf((byte)'\n')) >= 0; start += end + 1)
            {
                var line = buffer.AsSpan(start, end);
                try
                {
                    var entry = GuardianLogEntry.Parse(line);
                    if (count == 0)
                    {
                        guardian = entry.Guardian ?? default;
                        head = GuardianLogEntry.Genesis(guardian, chain);
                        RequireFirst(entry, chain);
                    }
                    else if (entry.Guardian is not null || entry.Chain is not null || entry.Lost is not null)
                        throw new FormatException("only a first entry names a guardian, a chain or a lost head");
                    if (entry.N != count + 1)
                        throw new FormatException($"it has the number {entry.N}");
                    if (entry.Prev != head)
                        throw new FormatException($"it follows a line with the hash {entry.Prev}, and the line before it has {head}");
                    (head, count) = (GuardianLogEntry.HashOf(line), entry.N);
                    seen?.Invoke(entry, head);
                }
                catch (FormatException e)
                {
                    return new GuardianLogCheck(chain, guardian, count, head, count + 1, e.Message, 0);
                }
            }
            filled -= start;
            buffer.AsSpan(start, filled).CopyTo(buffer);
            if (filled > GuardianLogEntry.MaxLine + 1)
                return new GuardianLogCheck(chain, guardian, count, head, count + 1, $"it is longer than {GuardianLogEntry.MaxLine} bytes", 0);
            if (read == 0)
                return count == 0
                    ? new GuardianLogCheck(chain, guardian, 0, head, 1, "there is no first entry", filled)
                    : new GuardianLogCheck(chain, guardian, count, head, null, null, filled);
        }
    }

    /// <summary>The entries of some chains, newest first, each checked against the one after it. A line that is being written is left out.</summary>
    /// <param name="files">The chains, the first one first.</param>
    /// <exception cref="IOException">One does not fit.</exception>
    public static IEnumerable<GuardianLogEntry> Newest(IReadOnlyList<(uint Chain, string Path)> files)
    {
        for (int i = files.Count - 1; i >= 0; i--)
        {
            using var file = new FileStream(files[i].Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            foreach (var entry in EntriesBackwards(file, WholeLines(file), files[i].Path, null))
                yield return entry;
        }
    }

    /// <summary>Whose chain a file has, and where it ends.</summary>
    /// <exception cref="IOException">Its first or last line does not fit.</exception>
    public static (Address Guardian, ulong Count, Hash32 Head) End(string path, uint chain)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return End(file, WholeLines(file), path, chain);
    }

    internal static (Address Guardian, ulong Count, Hash32 Head) End(FileStream file, long length, string path, uint chain)
    {
        var guardian = First(file, path, chain);
        foreach (var line in Backwards(file, length, path))
            return (guardian, Entry(line, path).N, GuardianLogEntry.HashOf(line));
        throw DoesNotFit(path, "it has no first entry");
    }

    /// <summary>Entries from the end on; each must have the hash that the one after it names.</summary>
    /// <param name="file">The chain's file.</param>
    /// <param name="end">Where its last whole line ends.</param>
    /// <param name="path">For errors.</param>
    /// <param name="head">Hash of the last line; null to take it as it is.</param>
    /// <exception cref="IOException">One does not fit.</exception>
    internal static IEnumerable<GuardianLogEntry> EntriesBackwards(FileStream file, long end, string path, Hash32? head)
    {
        ulong? next = null;
        foreach (var line in Backwards(file, end, path))
        {
            var entry = Entry(line, path);
            if ((head is not null && GuardianLogEntry.HashOf(line) != head) || (next is not null && entry.N != next - 1))
                throw DoesNotFit(path, $"entry {entry.N} is not the one that the entry after it follows");
            (head, next) = (entry.Prev, entry.N);
            yield return entry;
        }
        if (next is not (null or 1))
            throw DoesNotFit(path, $"it begins with entry {next}");
    }

    /// <summary>How many bytes the whole lines of a file have, which may be written to.</summary>
    internal static long WholeLines(FileStream file)
    {
        long length = file.Length;
        var tail = new byte[(int)Math.Min(length, GuardianLogEntry.MaxLine + 1)];
        file.Seek(length - tail.Length, SeekOrigin.Begin);
        file.ReadExactly(tail);
        return length - tail.Length + tail.AsSpan().LastIndexOf((byte)'\n') + 1;
    }

    /// <summary>Whole lines from the end on, without their ends.</summary>
    internal static IEnumerable<byte[]> Backwards(FileStream file, long end, string path)
    {
        byte[] later = []; // the beginning of a line whose end was in the block behind
        bool first = true;
        for (long position = end; position > 0;)
        {
            int size = (int)Math.Min(Block, position);
            position -= size;
            var block = new byte[size + later.Length];
            file.Seek(position, SeekOrigin.Begin);
            file.ReadExactly(block, 0, size);
            later.CopyTo(block, size);
            int stop = block.Length;
            if (first)
                stop--; // the end of the last line
            first = false;
            for (int at; (at = block.AsSpan(0, stop).LastIndexOf((byte)'\n')) >= 0; stop = at)
                yield return block[(at + 1)..stop];
            if (stop > GuardianLogEntry.MaxLine)
                throw DoesNotFit(path, "a line is longer than an entry");
            later = block[..stop];
        }
        if (!first)
            yield return later;
    }

    // Whose log it is.
    private static Address First(FileStream file, string path, uint chain)
    {
        var start = new byte[(int)Math.Min(file.Length, GuardianLogEntry.MaxLine + 1)];
        file.Seek(0, SeekOrigin.Begin);
        file.ReadExactly(start);
        try
        {
            var entry = GuardianLogEntry.Parse(start.AsSpan(0, Math.Max(0, start.AsSpan().IndexOf((byte)'\n'))));
            RequireFirst(entry, chain);
            return entry.Guardian!.Value;
        }
        catch (FormatException e)
        {
            throw DoesNotFit(path, e.Message);
        }
    }

    private static GuardianLogEntry Entry(byte[] line, string path)
    {
        try
        {
            return GuardianLogEntry.Parse(line);
        }
        catch (FormatException e)
        {
            throw DoesNotFit(path, e.Message);
        }
    }

    internal static IOException DoesNotFit(string path, string why) =>
        new($"the guardian's log {path} does not fit: {why}. Look at it with 'trove guardian log --verify'; bring it back from a backup, or move it away and keep it, and the guardian begins another chain");

    private static void RequireFirst(GuardianLogEntry entry, uint chain)
    {
        if (entry is not { N: 1, Outcome: GuardianLogEntry.Begun, Guardian: { } guardian } || entry.Chain != chain || entry.Lost is null != (chain == 1) || entry.Lost?.Chain >= chain)
            throw new FormatException($"its first line does not begin chain {chain} of a guardian's log; one from before there were chains: move it away and keep it");
        if (entry.Prev != GuardianLogEntry.Genesis(guardian, chain))
            throw new FormatException("its first line does not name the guardian's own beginning");
    }
}
