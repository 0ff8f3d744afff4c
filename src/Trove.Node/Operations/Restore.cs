using Npgsql;
using Trove.Chain.Durability;
using Trove.Node.Database;

namespace Trove.Node.Operations;

/// <summary>Brings a node back from a backup into an empty folder.</summary>
public static class Restore
{
    private const string Marker = "restore.unfinished";

    /// <summary>Checks all of the newest whole backup, then copies it, then checks the copy.</summary>
    /// <param name="from">The folder of backups.</param>
    /// <param name="data">The data folder to be: empty or not there.</param>
    /// <param name="ct">Ends the work; a node does not start on a folder that was left unfinished.</param>
    /// <exception cref="IOException">There is no whole backup, it is damaged, or <paramref name="data"/> is not empty.</exception>
    /// <exception cref="DatabaseException">The database cannot be restored.</exception>
    public static async Task<BackupManifest> RunAsync(string from, string data, CancellationToken ct)
    {
        var part = Directory.Exists(from) ? Backup.Parts(from).LastOrDefault(p => File.Exists(Path.Combine(p, BackupManifest.FileName))) : null;
        if (part is null)
            throw new IOException($"there is no whole backup in {from}: one that was interrupted has no {BackupManifest.FileName}; name the folder that 'trove backup --to' was given");
        if (Directory.Exists(data) && Directory.EnumerateFileSystemEntries(data).Any())
            throw new IOException($"{data} is not empty, and nothing is restored over a node; give an empty folder, or move that one away");
        var manifest = BackupManifest.Read(part);
        await CheckAsync(manifest, part, from, ct);

        Directory.CreateDirectory(data);
        DurableFile.Write(Path.Combine(data, Marker), _ => { });
        foreach (var file in manifest.Files.Where(f => f.Path != "database.dump"))
            Copy(Path.Combine(part, file.Path), Path.Combine(data, file.Path));
        foreach (var blob in manifest.Blobs)
            Copy(BackupManifest.BlobPath(from, blob.Sha256), BackupManifest.BlobPath(data, blob.Sha256));
        await using (var cluster = await PostgresCluster.StartAsync(data, ct))
        {
            await PostgresCluster.RunToolAsync(data, "pg_restore", cluster.ConnectionString,
                ["--no-owner", "--no-acl", "--exit-on-error", "--single-transaction", Path.Combine(part, "database.dump")], ct);
            // The index of novelty is not in a backup; and what other servers have of it is the node's that was backed up, which may live.
            await using var source = NpgsqlDataSource.Create(cluster.ConnectionString);
            await using var reset = source.CreateCommand("do $$ begin if to_regprocedure('novelty_reset()') is not null then perform novelty_reset(); end if; end $$");
            await reset.ExecuteNonQueryAsync(ct);
        }
        await CheckAsync(manifest with { Files = [.. manifest.Files.Where(f => f.Path != "database.dump")] }, data, data, ct);
        File.Delete(Path.Combine(data, Marker));
        DurableFile.SyncFolder(data);
        return manifest;
    }

    /// <summary>Refuses a folder into which a restore was begun and not finished.</summary>
    /// <exception cref="IOException">It is one.</exception>
    internal static void RequireFinished(string data)
    {
        if (File.Exists(Path.Combine(data, Marker)))
            throw new IOException($"a restore into {data} was not finished: delete the folder and run 'trove restore' again");
    }

    private static async Task CheckAsync(BackupManifest manifest, string files, string blobs, CancellationToken ct)
    {
        foreach (var file in manifest.Files)
            Require(Path.Combine(files, file.Path), await BackupManifest.HashAsync(Path.Combine(files, file.Path), ct) == (file.Size, file.Sha256));
        foreach (var blob in manifest.Blobs)
            Require(BackupManifest.BlobPath(blobs, blob.Sha256), await BackupManifest.HashAsync(BackupManifest.BlobPath(blobs, blob.Sha256), ct) == (blob.Size, blob.Sha256));

        static void Require(string path, bool right)
        {
            if (!right)
                throw new IOException($"{path} is missing or not what the manifest says; take another backup");
        }
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(from, to); // with its mode: a secret stays its owner's
        using (var file = File.Open(to, FileMode.Open, FileAccess.ReadWrite))
            file.Flush(flushToDisk: true);
        DurableFile.SyncFolder(Path.GetDirectoryName(to)!);
    }
}
