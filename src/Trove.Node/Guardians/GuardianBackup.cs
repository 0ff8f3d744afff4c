using System.Buffers.Binary;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.RegularExpressions;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Guardians;

/// <summary>What a backup of a guardian's folder has.</summary>
/// <param name="Guardian">Whose it is.</param>
/// <param name="Made">Milliseconds since 1970.</param>
/// <param name="Files">How many files.</param>
/// <param name="Bytes">Of all files.</param>
/// <param name="Chain">The log's newest chain.</param>
/// <param name="Count">Entries of that chain when the backup began; it has those that were written meanwhile too.</param>
/// <param name="Head">Hash of the last of these.</param>
public sealed record GuardianBackupInfo(Address Guardian, long Made, int Files, long Bytes, uint Chain, ulong Count, Hash32 Head);

/// <summary>
/// A guardian's folder in one age file (specs/custody.md), and back. Shares and states of ceremonies stay sealed to the guardian's own
/// recipient within it: whoever has the backup and what opens it has no share without the key file, which is never in it.
/// </summary>
public static partial class GuardianBackup
{
    private const int MaxName = 200;
    private const int MaxFiles = 100_000;
    private const long MaxLog = 1L << 40;
    private const long MaxTotal = 2 * MaxLog;
    private const UnixFileMode Mine = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static ReadOnlySpan<byte> Magic => "trove/guardian-backup/1\n"u8;

    // In this order. A state is destroyed after the share that came of it is sealed, and after its ceremony is written down as ended:
    // read the other way round, a backup could have neither of the two.
    private static readonly (Regex Name, long Most)[] Kinds =
    [
        (StateName(), 4 << 20), (ShareName(), 64 << 10), (EndedName(), 4 << 20), (FactoryName(), 100), (EvaluationsName(), 32 << 20), (AssetsName(), 32 << 20), (LogName(), MaxLog),
    ];

    /// <summary>Copies a folder, whose guardian may run.</summary>
    /// <param name="folder">The guardian's own folder.</param>
    /// <param name="file">The backup to be; it must not be there.</param>
    /// <param name="recipients">Whom it is sealed to.</param>
    /// <param name="clock">For the time it was made.</param>
    /// <param name="ct">Ends the work; nothing is left.</param>
    /// <exception cref="IOException">There is no guardian's log, it does not fit, or a file cannot be read or written.</exception>
    public static async Task<GuardianBackupInfo> MakeAsync(string folder, string file, IReadOnlyCollection<IAgeRecipient> recipients, TimeProvider clock, CancellationToken ct)
    {
        if (File.Exists(file))
            throw new IOException($"{file} is there already, and nothing is written over a backup; name another file");
        var (guardian, newest) = CheckLog(folder, ct);
        var temporary = file + ".new";
        try
        {
            var info = new GuardianBackupInfo(guardian, clock.GetUtcNow().ToUnixTimeMilliseconds(), 0, 0, newest.Chain, newest.Count, newest.Head);
            using (var target = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None, UnixCreateMode = Mine }))
            {
                var pipe = new Pipe();
                var writing = WriteAsync(folder, info, pipe.Writer, ct);
                try
                {
                    await AgeFile.EncryptAsync(pipe.Reader.AsStream(), target, recipients, cancel: ct);
                }
                catch (Exception e)
                {
                    await pipe.Reader.CompleteAsync(e);
                    await Task.WhenAny(writing);
                    throw;
                }
                info = await writing;
                DurableFile.Sync(target);
            }
            File.Move(temporary, file, overwrite: false);
            DurableFile.SyncFolder(Path.GetDirectoryName(Path.GetFullPath(file))!);
            return info;
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Brings a folder back, whole or not at all, and writes into its log that it was.</summary>
    /// <param name="file">The backup.</param>
    /// <param name="folder">The guardian's folder to be: empty or not there.</param>
    /// <param name="identities">What opens it.</param>
    /// <param name="clock">For the entry in the log.</param>
    /// <param name="ct">Ends the work; nothing is left.</param>
    /// <exception cref="IOException">The folder is not empty, or the backup is none of a guardian, or damaged.</exception>
    /// <exception cref="AgeException">It cannot be opened.</exception>
    public static async Task<GuardianBackupInfo> RestoreAsync(string file, string folder, IReadOnlyCollection<IAgeIdentity> identities, TimeProvider clock, CancellationToken ct)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()))
            throw new IOException($"{folder} is not empty, and nothing is restored over a guardian; give an empty folder, or move that one away");
        Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
        var temporary = $"{folder}.restoring-{Guid.NewGuid():N}";
        Directory.CreateDirectory(temporary, Mine | UnixFileMode.UserExecute);
        try
        {
            GuardianBackupInfo info;
            await using (var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read))
            await using (var plain = await AgeFile.OpenAsync(source, identities, ct))
                info = await ReadAsync(plain, (name, most) => new FileStream(Path.Combine(temporary, name), new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, UnixCreateMode = Mine }), ct);
            var (guardian, newest) = CheckLog(temporary, ct);
            if (guardian != info.Guardian || newest.Torn != 0)
                throw new IOException($"{file} has a log that is not whole, or another guardian's; take another backup");
            GuardianLog.Open(temporary, guardian, clock).Append(new GuardianLogEntry(0, default, 0, GuardianLogEntry.Restored,
                Reason: string.Create(CultureInfo.InvariantCulture, $"from a backup of {DateTimeOffset.FromUnixTimeMilliseconds(info.Made):u}, after entry {newest.Count}")));
            DurableFile.SyncFolder(temporary);
            if (Directory.Exists(folder))
                Directory.Delete(folder); // only if it is empty still
            Directory.Move(temporary, folder);
            DurableFile.SyncFolder(Path.GetDirectoryName(folder)!);
            return info with { Chain = newest.Chain, Count = newest.Count, Head = newest.Head };
        }
        catch
        {
            Directory.Delete(temporary, recursive: true);
            throw;
        }
    }

    /// <summary>Reads a backup's plaintext.</summary>
    /// <param name="plain">The plaintext.</param>
    /// <param name="create">Makes a file of a name that is one of a guardian's, and of at most so many bytes.</param>
    /// <param name="ct">Ends the work.</param>
    /// <exception cref="IOException">It is none, or too large.</exception>
    internal static async Task<GuardianBackupInfo> ReadAsync(Stream plain, Func<string, long, Stream> create, CancellationToken ct)
    {
        var head = new byte[Magic.Length + Address.Size + 8];
        await ReadExactlyAsync(plain, head, ct);
        if (!head.AsSpan().StartsWith(Magic))
            throw new IOException("this is no backup of a guardian");
        var guardian = new Address(head.AsSpan(Magic.Length, Address.Size));
        ulong made = BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(Magic.Length + Address.Size));
        if (made > (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())
            throw new IOException("the backup was made at no time");
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        long all = 0;
        var buffer = new byte[1 << 16];
        while (true)
        {
            await ReadExactlyAsync(plain, buffer.AsMemory(0, 4), ct);
            uint length = BinaryPrimitives.ReadUInt32BigEndian(buffer);
            if (length == 0)
                break;
            if (length > MaxName || names.Count == MaxFiles)
                throw new IOException("the backup has a name that is too long, or too many files");
            await ReadExactlyAsync(plain, buffer.AsMemory(0, (int)length + 8), ct);
            var name = Encoding.ASCII.GetString(buffer, 0, (int)length);
            ulong size = BinaryPrimitives.ReadUInt64BigEndian(buffer.AsSpan((int)length));
            var kind = Kinds.FirstOrDefault(k => k.Name.IsMatch(name));
            if (kind.Name is null || !names.Add(name))
                throw new IOException("the backup has a file that is none of a guardian's, or one twice");
            if (size > (ulong)kind.Most || (all += (long)size) > MaxTotal)
                throw new IOException($"{name} of the backup has {size} bytes; it may have {kind.Most}");
            await using var target = create(name, (long)size);
            for (long left = (long)size; left > 0;)
            {
                int read = await plain.ReadAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)), ct);
                if (read == 0)
                    throw new IOException($"the backup ends within {name}");
                await target.WriteAsync(buffer.AsMemory(0, read), ct);
                left -= read;
            }
            if (target is FileStream file)
                DurableFile.Sync(file);
        }
        if (await plain.ReadAsync(buffer.AsMemory(0, 1), ct) != 0)
            throw new IOException("the backup goes on behind its end");
        return new GuardianBackupInfo(guardian, (long)made, names.Count, all, 0, 0, default);
    }

    private static async Task<GuardianBackupInfo> WriteAsync(string folder, GuardianBackupInfo info, PipeWriter writer, CancellationToken ct)
    {
        try
        {
            await using var stream = writer.AsStream(leaveOpen: true);
            var head = new byte[Magic.Length + Address.Size + 8];
            Magic.CopyTo(head);
            info.Guardian.CopyTo(head.AsSpan(Magic.Length));
            BinaryPrimitives.WriteUInt64BigEndian(head.AsSpan(Magic.Length + Address.Size), (ulong)info.Made);
            await stream.WriteAsync(head, ct);
            foreach (var (pattern, most) in Kinds)
                foreach (var path in Directory.EnumerateFiles(folder).Where(f => pattern.IsMatch(Path.GetFileName(f))).Order(StringComparer.Ordinal).ToList())
                    if (await CopyAsync(path, GuardianLog.ChainOf(Path.GetFileName(path)), most, stream, ct) is { } copied)
                        info = info with { Files = info.Files + 1, Bytes = info.Bytes + copied };
            await stream.WriteAsync(new byte[4], ct);
            await stream.FlushAsync(ct);
            await writer.CompleteAsync();
            return info;
        }
        catch (Exception e)
        {
            await writer.CompleteAsync(e);
            throw;
        }
    }

    private static async Task<long?> CopyAsync(string path, uint chain, long most, Stream target, CancellationToken ct)
    {
        FileStream source;
        try
        {
            source = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return null; // a state or share that was destroyed meanwhile
        }
        await using (source)
        {
            // A log grows while it is read: up to here it has whole lines.
            long size = chain > 0 ? GuardianLogReader.WholeLines(source) : source.Length;
            if (size > most)
                throw new IOException($"{path} has {size} bytes, and no such file of a guardian has more than {most}; look at what it is");
            var name = Encoding.ASCII.GetBytes(Path.GetFileName(path));
            var head = new byte[4 + name.Length + 8];
            BinaryPrimitives.WriteUInt32BigEndian(head, (uint)name.Length);
            name.CopyTo(head, 4);
            BinaryPrimitives.WriteUInt64BigEndian(head.AsSpan(4 + name.Length), (ulong)size);
            await target.WriteAsync(head, ct);
            source.Seek(0, SeekOrigin.Begin);
            var buffer = new byte[1 << 16];
            for (long left = size; left > 0;)
            {
                int read = await source.ReadAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)), ct);
                if (read == 0)
                    throw new IOException($"{path} became shorter while it was read; make the backup again");
                await target.WriteAsync(buffer.AsMemory(0, read), ct);
                left -= read;
            }
            return size;
        }
    }

    // Every chain fits, and all are one guardian's.
    private static (Address Guardian, GuardianLogCheck Newest) CheckLog(string folder, CancellationToken ct)
    {
        GuardianLogCheck? newest = null;
        foreach (var (chain, path) in GuardianLog.Files(folder))
        {
            var check = GuardianLogReader.Check(path, chain, null, ct);
            if (check.Wrong is { } line)
                throw GuardianLogReader.DoesNotFit(path, $"line {line}: {check.Why}");
            if (newest is not null && newest.Guardian != check.Guardian)
                throw GuardianLogReader.DoesNotFit(path, "it is another guardian's than the chain before it");
            newest = check;
        }
        return newest is null ? throw new IOException($"{folder} has no log of a guardian; give the guardian's own folder, guardian-0x… below its --data") : (newest.Guardian, newest);
    }

    private static async ValueTask ReadExactlyAsync(Stream plain, Memory<byte> target, CancellationToken ct)
    {
        try
        {
            await plain.ReadExactlyAsync(target, ct);
        }
        catch (EndOfStreamException)
        {
            throw new IOException("the backup ends too early");
        }
    }

    [GeneratedRegex("^share-0x[0-9a-fA-F]{40}(-[1-9][0-9]{0,9})?\\.age\\z", RegexOptions.CultureInvariant)]
    private static partial Regex ShareName();

    [GeneratedRegex("^ceremony-0x[0-9a-fA-F]{40}-[1-9][0-9]{0,9}-0x[0-9a-f]{64}\\.age\\z", RegexOptions.CultureInvariant)]
    private static partial Regex StateName();

    [GeneratedRegex("^ceremonies-ended\\z", RegexOptions.CultureInvariant)]
    private static partial Regex EndedName();

    [GeneratedRegex("^factory\\z", RegexOptions.CultureInvariant)]
    private static partial Regex FactoryName();

    [GeneratedRegex("^evaluations-[0-9]{8}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex EvaluationsName();

    [GeneratedRegex("^evaluated-assets\\z", RegexOptions.CultureInvariant)]
    private static partial Regex AssetsName();

    [GeneratedRegex("^releases(-([2-9]|[1-9][0-9]{1,8}))?\\.jsonl\\z", RegexOptions.CultureInvariant)]
    private static partial Regex LogName();
}
