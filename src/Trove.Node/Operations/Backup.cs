using System.Data;
using System.Globalization;
using System.Reflection;
using Dapper;
using Npgsql;
using Trove.Chain.Durability;
using Trove.Chain.Embedded;
using Trove.Core;
using Trove.Node.Database;
using Trove.Node.Staking;

namespace Trove.Node.Operations;

/// <summary>
/// Copies a node, running or stopped, into a folder: database first, then chain, then blobs (specs/operations.md says why). The
/// folder holds one whole backup, and for a while a second one that is being made; blobs are shared between them.
/// </summary>
public static class Backup
{
    private const string Lock = "lock";
    private const int Tries = 5;

    private sealed record Snapshot(DateTime At, string Migration, ulong Blocks, IReadOnlyList<BackupBlob> Blobs);

    /// <summary>Makes a backup and removes what older ones had and this one has not.</summary>
    /// <param name="data">The node's data folder.</param>
    /// <param name="to">Created when missing. Holds the relayer's key afterwards: it is made for its owner only.</param>
    /// <param name="ct">Ends the work; the backup before it stays.</param>
    /// <exception cref="DatabaseException">There is no database of the node's own, or it cannot be read.</exception>
    /// <exception cref="IOException">A file cannot be copied, or the folder has other things in it.</exception>
    public static async Task<BackupManifest> MakeAsync(string data, string to, CancellationToken ct)
    {
        Directory.CreateDirectory(to);
        File.SetUnixFileMode(to, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var alone = Claim(to);
        var earlier = Parts(to);
        PostgresCluster? own = null;
        try
        {
            var connection = PostgresCluster.FindRunning(data) ?? (own = await PostgresCluster.StartAsync(data, ct)).ConnectionString;
            TypeHandlers.Register();
            await using var source = NpgsqlDataSource.Create(connection);
            for (int attempt = 1; ; attempt++)
            {
                var part = Path.Combine(to, DateTime.UtcNow.ToString("yyyyMMdd'T'HHmmssfff'Z'", CultureInfo.InvariantCulture));
                Directory.CreateDirectory(part);
                var snapshot = await CopyDatabaseAsync(source, data, part, connection, ct);
                var missing = await CopyBlobsAsync(snapshot, data, to, ct);
                // Evidence that was answered or a contribution withdrawn in between: a newer picture of the database does not have them.
                if (missing.Count > 0 && attempt < Tries && !await AllStoredAsync(source, missing, ct))
                {
                    Directory.Delete(part, recursive: true);
                    continue;
                }
                var manifest = await FinishAsync(snapshot, missing, part, ct);
                foreach (var old in earlier)
                    Directory.Delete(old, recursive: true);
                DropBlobs(to, [.. manifest.Blobs.Select(b => b.Sha256)]);
                return manifest;
            }
        }
        finally
        {
            if (own is not null)
                await own.DisposeAsync();
        }
    }

    // Two at once would each drop what the other has copied.
    private static FileStream Claim(string to)
    {
        try
        {
            return new FileStream(Path.Combine(to, Lock), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"another backup into {to} is under way: wait for it, or use another folder", e);
        }
    }

    /// <summary>The parts of backups in a folder, oldest first; the last with a manifest is the backup.</summary>
    internal static List<string> Parts(string folder)
    {
        var entries = Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal).ToList();
        var strange = entries.FirstOrDefault(e => Path.GetFileName(e) is var name && name is not ("blobs" or Lock)
            && !DateTime.TryParseExact(name, "yyyyMMdd'T'HHmmssfff'Z'", CultureInfo.InvariantCulture, DateTimeStyles.None, out _));
        return strange is null
            ? [.. entries.Where(e => Path.GetFileName(e) is not ("blobs" or Lock))]
            : throw new IOException($"{strange} is no part of a backup: use a folder for backups of one node only");
    }

    // The dump, the list of blobs and the newest block that is known, all as of one moment.
    private static async Task<Snapshot> CopyDatabaseAsync(NpgsqlDataSource source, string data, string part, string connection, CancellationToken ct)
    {
        var chain = Path.Combine(data, "chain");
        long journal = ChainBackup.JournalLength(chain); // before: what was acknowledged by now must be in the backup
        await using var reader = await source.OpenConnectionAsync(ct);
        await using var transaction = await reader.BeginTransactionAsync(IsolationLevel.RepeatableRead, ct);
        var head = await reader.QuerySingleAsync<(string Id, DateTime At, string Migration, long Block)>(new CommandDefinition("""
            select pg_export_snapshot(), now(), (select name from schema_migrations order by number desc limit 1), greatest(0,
                (select max(block) from chain_event), (select max(block) from relayed), (select max(announced_block) from contribution), (select max(created_block) from asset),
                (select max(split_part(word, ':', 1)::bigint) from chain_cursor, unnest(string_to_array(cursor, ' ')) word where word like '%:%'))
            """, transaction: transaction, cancellationToken: ct));
        var blobs = (await reader.QueryAsync<BackupBlob>(new CommandDefinition(
            "select distinct sha256, size from vault_blobs where state = 'stored' order by sha256", transaction: transaction, cancellationToken: ct))).ToList();
        await PostgresCluster.RunToolAsync(data, "pg_dump", connection,
            ["--format=custom", "--no-owner", "--no-acl", "--exclude-table-data=public.novelty_*", "--snapshot", head.Id, "--file", Path.Combine(part, "database.dump")], ct);
        ulong blocks = 0;
        if (journal > 0)
        {
            var target = Path.Combine(part, "chain");
            Directory.CreateDirectory(target);
            blocks = ChainBackup.Copy(chain, target, journal, (ulong)head.Block);
        }
        var relayer = Path.Combine(data, "relayer.secret");
        if (File.Exists(relayer))
            File.Copy(relayer, Path.Combine(part, "relayer.secret")); // with its mode: for its owner only
        foreach (var contradiction in ContradictionFolder.Files(data))
        {
            var target = Path.Combine(part, Path.GetRelativePath(data, contradiction));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(contradiction, target);
        }
        return new Snapshot(head.At, head.Migration, blocks, blobs);
    }

    // Blobs never change: one that is there with its hash is there.
    private static async Task<List<Hash32>> CopyBlobsAsync(Snapshot snapshot, string data, string to, CancellationToken ct)
    {
        var (missing, blobs) = (new List<Hash32>(), NodeFolder.Blobs(data));
        foreach (var blob in snapshot.Blobs)
        {
            var (from, target) = (BackupManifest.BlobIn(blobs, blob.Sha256), BackupManifest.BlobPath(to, blob.Sha256));
            if (await BackupManifest.HashAsync(target, ct) == (blob.Size, blob.Sha256))
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            try
            {
                DurableFile.Write(target, stream =>
                {
                    using var file = new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
                    file.CopyTo(stream);
                });
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                File.Delete(target + ".new");
                missing.Add(blob.Sha256);
                continue;
            }
            if (await BackupManifest.HashAsync(target, ct) != (blob.Size, blob.Sha256))
            {
                File.Delete(target);
                missing.Add(blob.Sha256); // damaged on the node's disk: as good as missing, and said so
            }
        }
        return missing;
    }

    private static async Task<bool> AllStoredAsync(NpgsqlDataSource source, List<Hash32> blobs, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        return await connection.QuerySingleAsync<int>(new CommandDefinition(
            "select count(distinct sha256)::int from vault_blobs where state = 'stored' and sha256 = any(@hashes)",
            new { hashes = blobs.Select(b => b.ToArray()).ToArray() }, cancellationToken: ct)) == blobs.Count;
    }

    private static async Task<BackupManifest> FinishAsync(Snapshot snapshot, IReadOnlyList<Hash32> missing, string part, CancellationToken ct)
    {
        var files = new List<BackupFile>();
        foreach (var file in Directory.EnumerateFiles(part, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            using (var open = File.Open(file, FileMode.Open, FileAccess.ReadWrite))
                open.Flush(flushToDisk: true);
            var (size, hash) = (await BackupManifest.HashAsync(file, ct))!.Value;
            files.Add(new BackupFile(Path.GetRelativePath(part, file), size, hash));
        }
        var gone = missing.ToHashSet();
        var manifest = new BackupManifest(1, new DateTimeOffset(snapshot.At, TimeSpan.Zero).ToUnixTimeMilliseconds(), Assembly.GetExecutingAssembly().GetName().Version!.ToString(3),
            snapshot.Migration, snapshot.Blocks, files, [.. snapshot.Blobs.Where(b => !gone.Contains(b.Sha256))], missing);
        manifest.Write(part);
        DurableFile.SyncFolder(Path.GetDirectoryName(part)!);
        return manifest;
    }

    // What was destroyed on the node, because its owner withdrew it, must not live on in its backup.
    private static void DropBlobs(string to, HashSet<Hash32> kept)
    {
        var blobs = Path.Combine(to, "blobs");
        foreach (var file in Directory.Exists(blobs) ? Directory.EnumerateFiles(blobs, "*", SearchOption.AllDirectories) : [])
            if (!Hash32.TryParse(Path.GetFileName(Path.GetDirectoryName(file)) + Path.GetFileName(file), out var hash) || !kept.Contains(hash))
                File.Delete(file);
    }
}
