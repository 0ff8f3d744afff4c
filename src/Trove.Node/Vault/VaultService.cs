using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Node.Database;
using Trove.Node.Operations;

namespace Trove.Node.Vault;

/// <summary>
/// Receives, keeps and destroys the ciphertext of contributions (specs/vault.md). Every blob is declared first, by code
/// that has checked the member's signature; then its pieces come in, in order, each durable before it is acknowledged.
/// Each contribution uploads its own bytes even if the same blob is here already: declaring somebody else's hash gives
/// no access to it. All state is in the database, so that a crash at any moment leaves only what a sweep can finish.
/// </summary>
public sealed class VaultService(NodeDatabase database, BlobStore blobs, VaultOptions options, TimeProvider time, ILogger<VaultService> log)
{
    private const long DeclareLock = 0x74726f7665_0002; // quotas are sums over rows: one declaration at a time
    private const int CopyBuffer = 128 * 1024;
    private const int SweepBatch = 1000;
    private const int MaxTokenLength = 256;

    private readonly SemaphoreSlim _pieces = new(options.PiecesAtOnce);
    private readonly SemaphoreSlim _hashing = new(2); // a long hash holds a database connection

    /// <summary>The limits in force.</summary>
    public VaultOptions Options => options;

    /// <summary>Tests make a named step fail as a crash would.</summary>
    internal Action<string> Fault { get; set; } = step => FaultPoint.Reach("upload." + step);

    /// <summary>
    /// Announces a blob of a contribution, in the caller's transaction. Again with the same values does nothing; an expired
    /// upload begins anew.
    /// </summary>
    /// <param name="transaction">Holds a lock on all declarations until it ends: keep it short.</param>
    /// <param name="contribution">The contribution, which has one owner.</param>
    /// <param name="owner">Whose quota it counts against.</param>
    /// <param name="kind">Part or evidence.</param>
    /// <param name="sha256">Hash of the ciphertext.</param>
    /// <param name="size">Its length in bytes, at least 1.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="VaultException">TooLarge, Quota, Conflict (declared otherwise before), Gone (destroyed).</exception>
    public async Task DeclareAsync(NpgsqlTransaction transaction, Hash32 contribution, Address owner, BlobKind kind,
        Hash32 sha256, long size, CancellationToken ct)
    {
        var name = $"blob {sha256.ToHex()} of contribution {contribution}";
        if (size < 1)
            throw new VaultException(VaultError.Conflict, $"{name} is declared with {size} bytes", "Declare blobs of at least one byte.");
        if (size > options.BlobBytes)
            throw new VaultException(VaultError.TooLarge, $"{name} is declared with {size} bytes; the most is {options.BlobBytes}",
                "Split it into smaller parts.");
        var connection = transaction.Connection!;
        await connection.ExecuteAsync(new CommandDefinition("SELECT pg_advisory_xact_lock(@DeclareLock)", new { DeclareLock }, transaction, cancellationToken: ct));
        var known = await connection.QueryFirstOrDefaultAsync<Address?>(new CommandDefinition(
            "SELECT owner FROM vault_blobs WHERE contribution = @contribution LIMIT 1", new { contribution }, transaction, cancellationToken: ct));
        if (known is { } first && first != owner)
            throw new VaultException(VaultError.Conflict, $"contribution {contribution} belongs to {first}, not to {owner}",
                "Use another contribution id.");
        var row = await FindAsync(transaction, contribution, sha256, "FOR UPDATE", ct);
        if (row is not null)
        {
            if (row.Kind != Text(kind) || row.Size != size)
                throw new VaultException(VaultError.Conflict, $"{name} was declared as {row.Kind} of {row.Size} bytes, and now as {Text(kind)} of {size}",
                    "Declare it as before, or under another contribution.");
            if (row.Is(BlobState.Receiving) || row.Is(BlobState.Stored))
                return;
            if (!row.Is(BlobState.Expired))
                throw Ended(row, name);
        }
        await CheckQuotasAsync(transaction, contribution, owner, size, again: row is not null, ct);
        await connection.ExecuteAsync(new CommandDefinition("""
            INSERT INTO vault_blobs (contribution, sha256, owner, kind, size, declared_at, touched_at)
            VALUES (@contribution, @sha256, @owner, @kind, @size, @now, @now)
            ON CONFLICT (contribution, sha256) DO UPDATE
                SET state = 'receiving', received = 0, declared_at = @now, touched_at = @now, ended_at = NULL
            """, new { contribution, sha256, owner, kind = Text(kind), size, now = Now() }, transaction, cancellationToken: ct));
    }

    /// <summary>Sets the token that lets its bearer upload for this contribution; it replaces an older one.</summary>
    /// <param name="transaction">The caller's transaction.</param>
    /// <param name="contribution">What may be uploaded for.</param>
    /// <param name="tokenHash">SHA-256 of the token's UTF-8 text. The token must be random: at least 128 bits.</param>
    public Task SetUploadTokenAsync(NpgsqlTransaction transaction, Hash32 contribution, Hash32 tokenHash) =>
        transaction.Connection!.ExecuteAsync("""
            INSERT INTO vault_upload_tokens (contribution, token_hash) VALUES (@contribution, @tokenHash)
            ON CONFLICT (contribution) DO UPDATE SET token_hash = excluded.token_hash
            """, new { contribution, tokenHash }, transaction);

    /// <summary>Does this token allow uploads for this contribution? Compared in constant time.</summary>
    public async Task<bool> MayUploadAsync(Hash32 contribution, string token, CancellationToken ct)
    {
        if (token.Length is 0 or > MaxTokenLength)
            return false;
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var stored = await connection.QuerySingleOrDefaultAsync<byte[]>(new CommandDefinition(
            "SELECT token_hash FROM vault_upload_tokens WHERE contribution = @contribution", new { contribution }, cancellationToken: ct));
        return stored is not null && CryptographicOperations.FixedTimeEquals(stored, SHA256.HashData(Encoding.UTF8.GetBytes(token)));
    }

    /// <summary>
    /// Takes one piece. On return its bytes are on the disk and acknowledged; after the last one the hash was checked too and
    /// the blob is stored. A piece that was acknowledged before is compared and acknowledged again.
    /// </summary>
    /// <param name="contribution">Which contribution.</param>
    /// <param name="sha256">Which of its blobs.</param>
    /// <param name="offset">Where the piece starts: <see cref="BlobStatus.Received"/>, or less for a repeated piece.</param>
    /// <param name="body">Read for exactly <paramref name="length"/> bytes, with a deadline that follows from the length.</param>
    /// <param name="length">1 to <see cref="VaultOptions.PieceBytes"/>.</param>
    /// <param name="ct">Ends the work; the piece may or may not have been taken.</param>
    /// <exception cref="VaultException">
    /// NotFound, Gone, WrongOffset (with the right one), OtherBytes, TooLarge, Truncated, TooSlow, Busy, NoSpace: nothing
    /// changed. HashMismatch: all bytes were dropped and the upload starts again.
    /// </exception>
    public async Task<BlobStatus> AppendAsync(Hash32 contribution, Hash32 sha256, long offset, Stream body, long length, CancellationToken ct)
    {
        var name = $"blob {sha256.ToHex()} of contribution {contribution}";
        if (length < 1)
            throw new VaultException(VaultError.Truncated, $"the piece at {offset} of {name} is empty", "Send at least one byte.");
        if (length > options.PieceBytes)
            throw new VaultException(VaultError.TooLarge, $"the piece at {offset} of {name} has {length} bytes; the most is {options.PieceBytes}",
                "Send smaller pieces.");
        if (!await _pieces.WaitAsync(0, ct))
            throw new VaultException(VaultError.Busy, $"the node is receiving {options.PiecesAtOnce} pieces, the most at once", "Send the piece again in some seconds.");
        try
        {
            using var counted = Telemetry.Upload();
            // Refuse what can be refused before the body is read.
            CheckPiece(await FindAsync(contribution, sha256, ct), name, offset, length);
            blobs.EnsureSpace(2 * length);
            // First to a file of its own: a slow client holds neither a lock nor a connection, and of two clients
            // that send the same piece both are right.
            await using var piece = blobs.CreateNameless();
            await ReceiveAsync(name, offset, body, length, piece, ct);
            Fault("piece-spooled");
            var row = await database.TransactAsync(t => TakeAsync(t, contribution, sha256, name, offset, length, piece, ct), ct);
            if (row.Received < offset + length)
                throw Lost(name);
        }
        finally
        {
            _pieces.Release();
        }
        Telemetry.Uploaded(length);
        Fault("piece-committed");
        return await FinishAsync(contribution, sha256, ct);
    }

    /// <summary>
    /// Stores what has all its bytes and is not stored: the database may have been away at the moment when the last piece was. Nobody
    /// would send another piece of it.
    /// </summary>
    /// <returns>How many blobs are still not there.</returns>
    public async Task<int> FinishAsync(Hash32 contribution, CancellationToken ct)
    {
        int missing = 0;
        foreach (var blob in await StatusAsync(contribution, ct))
        {
            bool stored = blob.State == BlobState.Stored
                || (blob.State == BlobState.Receiving && blob.Received == blob.Size && (await FinishAsync(contribution, blob.Sha256, ct)).State == BlobState.Stored);
            missing += stored ? 0 : 1;
        }
        return missing;
    }

    /// <summary>All blobs the contribution declared, parts first. Empty when it declared none.</summary>
    public async Task<IReadOnlyList<BlobStatus>> StatusAsync(Hash32 contribution, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            $"SELECT {Row.Columns} FROM vault_blobs WHERE contribution = @contribution ORDER BY kind DESC, sha256",
            new { contribution }, cancellationToken: ct));
        return [.. rows.Select(r => r.ToStatus())];
    }

    /// <summary>Opens a stored blob; seekable, of its whole length. A reader that is under way is not disturbed by its destruction.</summary>
    /// <param name="sha256">Hash of the ciphertext.</param>
    /// <param name="kind">The caller says what it serves, so that evidence cannot be fetched as a part.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="VaultException">NotFound, or Gone when it was destroyed.</exception>
    /// <exception cref="IOException">The database has it and the disk does not.</exception>
    public async Task<Stream> OpenReadAsync(Hash32 sha256, BlobKind kind, CancellationToken ct)
    {
        for (int attempt = 0; ; attempt++)
        {
            IReadOnlyList<Row> rows;
            await using (var connection = await database.Source.OpenConnectionAsync(ct))
                rows = [.. await connection.QueryAsync<Row>(new CommandDefinition(
                    $"SELECT {Row.Columns} FROM vault_blobs WHERE sha256 = @sha256 AND kind = @kind ORDER BY state = 'stored' DESC, ended_at DESC NULLS LAST LIMIT 1",
                    new { sha256, kind = Text(kind) }, cancellationToken: ct))];
            var name = $"{Text(kind)} {sha256.ToHex()}";
            if (rows.Count == 0 || rows[0].Is(BlobState.Receiving) || rows[0].Is(BlobState.Expired))
                throw new VaultException(VaultError.NotFound, $"{name} is not in the vault", "Check the hash; its upload may not be finished.");
            if (!rows[0].Is(BlobState.Stored))
                throw Ended(rows[0], name);
            if (blobs.OpenRead(sha256) is { } file)
                return file;
            if (attempt == 1) // once: it may have been destroyed between the two looks
                throw new IOException($"{name} is missing from the blob folder though the database has it as stored; restore the folder from a backup");
        }
    }

    /// <summary>
    /// Condemns the blobs of a contribution in the transaction that decides so: from its commit on nobody can open them, and
    /// <see cref="DestroyAsync"/> or, after a crash, the sweep takes their bytes.
    /// </summary>
    /// <param name="tx">The caller's transaction.</param>
    /// <param name="contribution">Whose.</param>
    /// <param name="kind">Only these; null for all.</param>
    public static Task CondemnAsync(NpgsqlTransaction tx, Hash32 contribution, BlobKind? kind) => CondemnAsync(tx.Connection!, tx, contribution, kind, CancellationToken.None);

    private static Task CondemnAsync(NpgsqlConnection connection, NpgsqlTransaction? tx, Hash32 contribution, BlobKind? kind, CancellationToken ct) =>
        connection.ExecuteAsync(new CommandDefinition("""
            UPDATE vault_blobs SET state = 'destroying'
            WHERE contribution = @contribution AND (@only::text IS NULL OR kind = @only) AND state IN ('receiving', 'stored', 'expired')
            """, new { contribution, only = kind is { } k ? Text(k) : null }, tx, cancellationToken: ct));

    /// <summary>
    /// Destroys the blobs of a contribution, finished or not. When it returns no reader can open them and their bytes are
    /// gone from the disk, unless another contribution uploaded the same blob; then they go with the last one.
    /// </summary>
    /// <param name="contribution">Whose.</param>
    /// <param name="kind">Only these; null for all.</param>
    /// <param name="ct">Ends the work; what was begun is finished by the next call or sweep.</param>
    /// <returns>How many were destroyed by this call.</returns>
    public async Task<int> DestroyAsync(Hash32 contribution, BlobKind? kind, CancellationToken ct)
    {
        List<Hash32> condemned;
        await using (var connection = await database.Source.OpenConnectionAsync(ct))
        {
            var only = kind is { } k ? Text(k) : null;
            await CondemnAsync(connection, null, contribution, kind, ct);
            condemned = [.. await connection.QueryAsync<Hash32>(new CommandDefinition("""
                SELECT sha256 FROM vault_blobs
                WHERE contribution = @contribution AND (@only::text IS NULL OR kind = @only) AND state = 'destroying'
                """, new { contribution, only }, cancellationToken: ct))];
        }
        Fault("destroying");
        int destroyed = 0;
        foreach (var sha256 in condemned)
            if (await EraseAsync(contribution, sha256, ct))
                destroyed++;
        return destroyed;
    }

    /// <summary>
    /// Finishes what a crash interrupted and drops uploads that were not finished in time. A row that fails is reported
    /// and left for the next sweep.
    /// </summary>
    /// <returns>How many rows changed.</returns>
    public async Task<int> SweepAsync(CancellationToken ct)
    {
        blobs.DeleteLeft();
        var limit = time.GetUtcNow().UtcDateTime - options.Expiry;
        List<Row> rows;
        await using (var connection = await database.Source.OpenConnectionAsync(ct))
            rows = [.. await connection.QueryAsync<Row>(new CommandDefinition($"""
                SELECT {Row.Columns} FROM vault_blobs
                WHERE state = 'destroying' OR (state = 'receiving' AND (received = size OR touched_at < @limit))
                ORDER BY touched_at LIMIT {SweepBatch}
                """, new { limit }, cancellationToken: ct))];
        int changed = 0;
        foreach (var row in rows)
        {
            try
            {
                bool did = row.Is(BlobState.Destroying) ? await EraseAsync(row.Contribution, row.Sha256, ct)
                    : row.Received == row.Size ? (await FinishAsync(row.Contribution, row.Sha256, ct)).State == BlobState.Stored
                    : await ExpireAsync(row.Contribution, row.Sha256, limit, ct);
                changed += did ? 1 : 0;
            }
            catch (Exception e) when (e is VaultException or IOException or UnauthorizedAccessException or NpgsqlException)
            {
                log.LogError(LogEvents.BlobNotTidied, e, "The vault could not tidy up blob {Sha256} of contribution {Contribution}", row.Sha256, row.Contribution);
            }
        }
        return changed;
    }

    private async Task CheckQuotasAsync(NpgsqlTransaction transaction, Hash32 contribution, Address owner, long size, bool again, CancellationToken ct)
    {
        var used = await transaction.Connection!.QuerySingleAsync<Usage>(new CommandDefinition("""
            SELECT (SELECT count(*) FROM vault_blobs WHERE contribution = @contribution) AS blobs,
                   (SELECT count(*) FROM vault_blobs WHERE contribution = @contribution AND state = 'receiving') AS open_here,
                   coalesce((SELECT open FROM vault_usage WHERE owner = @owner), 0) AS open_of_owner,
                   coalesce((SELECT open FROM vault_usage WHERE owner = ''), 0) AS open_in_all,
                   coalesce((SELECT bytes FROM vault_usage WHERE owner = @owner), 0) AS bytes_of_owner
            """, new { contribution, owner }, transaction, cancellationToken: ct));
        Check(used.Blobs - (again ? 1 : 0), options.BlobsPerContribution, $"contribution {contribution} has {{0}} blobs", "Put the rest into another contribution.");
        Check(used.OpenHere, options.OpenPerContribution, $"contribution {contribution} has {{0}} unfinished uploads", "Finish some of them first.");
        Check(used.OpenOfOwner, options.OpenPerOwner, $"owner {owner} has {{0}} unfinished uploads", "Finish some of them first.");
        Check(used.OpenInAll, options.OpenInAll, "the node has {0} unfinished uploads", "Try again later or through another node.");
        if (size > options.BytesPerOwner - used.BytesOfOwner)
            throw new VaultException(VaultError.Quota, $"owner {owner} has {used.BytesOfOwner} bytes here and declares {size} more; the most is {options.BytesPerOwner}",
                "Withdraw a contribution, or use another node.");

        static void Check(long has, long most, string what, string nextStep)
        {
            if (has >= most)
                throw new VaultException(VaultError.Quota, string.Format(null, what, has) + ", the most there may be", nextStep);
        }
    }

    /// <summary>Reads the body to a temporary file, against the clock.</summary>
    private async Task ReceiveAsync(string name, long offset, Stream body, long length, FileStream piece, CancellationToken ct)
    {
        var allowed = options.Grace + TimeSpan.FromSeconds((double)length / options.BytesPerSecond);
        using var deadline = new CancellationTokenSource(allowed, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBuffer);
        try
        {
            long got = 0;
            while (got < length)
            {
                int read = await body.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, length - got)), either.Token);
                if (read == 0)
                    throw new VaultException(VaultError.Truncated, $"the piece at {offset} of {name} ended after {got} of {length} bytes", "Send the piece again.");
                await piece.WriteAsync(buffer.AsMemory(0, read), ct);
                got += read;
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new VaultException(VaultError.TooSlow, $"the piece at {offset} of {name} did not come within {allowed.TotalSeconds:0} s", "Send it again, in smaller pieces.");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Appends a received piece under the row's lock.</summary>
    /// <returns>The row as it is now; with fewer bytes than were acknowledged when the file was lost.</returns>
    private async Task<Row> TakeAsync(NpgsqlTransaction transaction, Hash32 contribution, Hash32 sha256, string name,
        long offset, long length, FileStream piece, CancellationToken ct)
    {
        var row = await FindAsync(transaction, contribution, sha256, "FOR UPDATE", ct);
        CheckPiece(row, name, offset, length);
        piece.Position = 0;
        if (offset + length <= row!.Received)
        {
            await CompareAsync(row, name, offset, piece, ct);
            return row;
        }
        if (Math.Max(0, blobs.UploadLength(contribution, sha256)) < row.Received)
        {
            // Acknowledged bytes are not there: the blob folder is not the one the database belongs to, or was damaged.
            await SetReceivedAsync(transaction, row, 0, ct);
            return row with { Received = 0 };
        }
        await using (var file = blobs.OpenUpload(contribution, sha256))
        {
            file.SetLength(row.Received); // what lies beyond was never acknowledged
            file.Position = row.Received;
            await piece.CopyToAsync(file, CopyBuffer, ct);
            DurableFile.Sync(file);
        }
        if (row.Received == 0)
            blobs.FlushUploads();
        Fault("piece-flushed");
        await SetReceivedAsync(transaction, row, offset + length, ct);
        return row with { Received = offset + length };
    }

    private static void CheckPiece(Row? row, string name, long offset, long length)
    {
        if (row is null)
            throw new VaultException(VaultError.NotFound, $"{name} was never declared", "Announce the contribution with this blob in its manifest first.");
        if (!row.Is(BlobState.Receiving) && !row.Is(BlobState.Stored))
            throw Ended(row, name);
        if (offset < 0 || offset > row.Size - length)
            throw new VaultException(VaultError.TooLarge, $"the piece of {length} bytes at {offset} goes beyond the {row.Size} bytes declared for {name}",
                "Upload the file that was declared.", row.Received);
        if (offset != row.Received && offset + length > row.Received)
            throw new VaultException(VaultError.WrongOffset, $"the piece at {offset} of {name} does not start where the {row.Received} bytes received end",
                $"Continue at offset {row.Received}.", row.Received);
    }

    private async Task CompareAsync(Row row, string name, long offset, FileStream piece, CancellationToken ct)
    {
        bool isUpload = blobs.UploadLength(row.Contribution, row.Sha256) >= row.Received;
        await using var kept = isUpload ? blobs.OpenUpload(row.Contribution, row.Sha256) : blobs.OpenRead(row.Sha256)
            ?? throw new IOException($"the bytes of {name} are missing from the blob folder; restore it from a backup");
        kept.Position = offset;
        var there = new byte[CopyBuffer];
        var here = new byte[CopyBuffer];
        int read;
        while ((read = await piece.ReadAtLeastAsync(here, here.Length, throwOnEndOfStream: false, ct)) > 0)
        {
            int found = await kept.ReadAtLeastAsync(there.AsMemory(0, read), read, throwOnEndOfStream: false, ct);
            if (found != read || !here.AsSpan(0, read).SequenceEqual(there.AsSpan(0, read)))
                throw new VaultException(VaultError.OtherBytes, $"the piece at {offset} of {name} was received before with other bytes",
                    $"Check that the file did not change, and continue at offset {row.Received}.", row.Received);
        }
    }

    /// <summary>Checks and stores an upload that has all its bytes; does nothing for others. Idempotent.</summary>
    private async Task<BlobStatus> FinishAsync(Hash32 contribution, Hash32 sha256, CancellationToken ct)
    {
        var name = $"blob {sha256.ToHex()} of contribution {contribution}";
        var seen = await FindAsync(contribution, sha256, ct);
        if (seen is null || !seen.Is(BlobState.Receiving) || seen.Received < seen.Size)
            return seen?.ToStatus() ?? throw new InvalidOperationException($"{name} has no row");
        await _hashing.WaitAsync(ct);
        try
        {
            var (row, got) = await database.TransactAsync(t => StoreAsync(t, contribution, sha256, ct), ct);
            if (got is null)
                return row.ToStatus();
            if (got.Value.IsZero)
                throw Lost(name);
            Fault("mismatch-committed");
            await database.TransactAsync(t => DropAsync(t, contribution, sha256, ct), ct);
            throw new VaultException(VaultError.HashMismatch, $"the {row.Size} bytes received for {name} have the SHA-256 {got.Value.ToHex()}; they were dropped",
                "Check that the file did not change since it was declared, and upload it again from offset 0.", 0);
        }
        finally
        {
            _hashing.Release();
        }
    }

    /// <returns>The row as it is now, and what is wrong: the hash of other bytes, zero when bytes are missing.</returns>
    private async Task<(Row Row, Hash32? Got)> StoreAsync(NpgsqlTransaction transaction, Hash32 contribution, Hash32 sha256, CancellationToken ct)
    {
        var row = (await FindAsync(transaction, contribution, sha256, "FOR UPDATE", ct))!;
        if (!row.Is(BlobState.Receiving) || row.Received < row.Size)
            return (row, null);
        await LockHashAsync(transaction, sha256, ct);
        if (blobs.UploadLength(contribution, sha256) is var length && length >= 0)
        {
            var got = length == row.Size ? await blobs.HashUploadAsync(contribution, sha256, ct) : default;
            if (got != sha256)
            {
                // The count first, the file after the commit: the other way round a crash in between would look like
                // the case below.
                await SetReceivedAsync(transaction, row, 0, ct);
                Fault("mismatch-found");
                return (row with { Received = 0 }, got);
            }
            blobs.AdoptUpload(contribution, sha256);
            Fault("upload-adopted");
        }
        else if (!blobs.Contains(sha256)) // else a crash came between the rename and the commit
        {
            await SetReceivedAsync(transaction, row, 0, ct);
            return (row with { Received = 0 }, default(Hash32));
        }
        await transaction.Connection!.ExecuteAsync(new CommandDefinition(
            "UPDATE vault_blobs SET state = 'stored', stored_at = @now WHERE contribution = @contribution AND sha256 = @sha256",
            new { contribution, sha256, now = Now() }, transaction, cancellationToken: ct));
        return (row with { State = Text(BlobState.Stored) }, null);
    }

    // Under the row's lock, and only while nothing is acknowledged: the member may be sending the right bytes into this file already.
    private async Task DropAsync(NpgsqlTransaction transaction, Hash32 contribution, Hash32 sha256, CancellationToken ct)
    {
        if (await FindAsync(transaction, contribution, sha256, "FOR UPDATE", ct) is { Received: 0 })
            blobs.DeleteUpload(contribution, sha256);
    }

    private Task<bool> EraseAsync(Hash32 contribution, Hash32 sha256, CancellationToken ct) => database.TransactAsync(async transaction =>
    {
        var row = await FindAsync(transaction, contribution, sha256, "FOR UPDATE", ct);
        if (row is null || !row.Is(BlobState.Destroying))
            return false;
        await LockHashAsync(transaction, sha256, ct);
        blobs.DeleteUpload(contribution, sha256);
        var others = await transaction.Connection!.QueryAsync<Row>(new CommandDefinition($"""
            SELECT {Row.Columns} FROM vault_blobs WHERE sha256 = @sha256 AND contribution <> @contribution
                AND (state = 'stored' OR (state = 'receiving' AND received = size))
            """, new { contribution, sha256 }, transaction, cancellationToken: ct));
        // One that has all its bytes and no file of its own was moved into place by a process that died before it said so.
        if (!others.Any(o => o.Is(BlobState.Stored) || blobs.UploadLength(o.Contribution, sha256) < 0))
            blobs.Delete(sha256);
        Fault("bytes-deleted");
        await transaction.Connection!.ExecuteAsync(new CommandDefinition(
            "UPDATE vault_blobs SET state = 'destroyed', ended_at = @now WHERE contribution = @contribution AND sha256 = @sha256",
            new { contribution, sha256, now = Now() }, transaction, cancellationToken: ct));
        return true;
    }, ct);

    private Task<bool> ExpireAsync(Hash32 contribution, Hash32 sha256, DateTime limit, CancellationToken ct) => database.TransactAsync(async transaction =>
    {
        int expired = await transaction.Connection!.ExecuteAsync(new CommandDefinition("""
            UPDATE vault_blobs SET state = 'expired', received = 0, ended_at = @now
            WHERE contribution = @contribution AND sha256 = @sha256 AND state = 'receiving' AND received < size AND touched_at < @limit
            """, new { contribution, sha256, limit, now = Now() }, transaction, cancellationToken: ct));
        if (expired == 1)
            blobs.DeleteUpload(contribution, sha256);
        return expired == 1;
    }, ct);

    /// <summary>Storing and deleting one file exclude each other until the transaction ends. Always taken after the row's lock.</summary>
    private static Task LockHashAsync(NpgsqlTransaction transaction, Hash32 sha256, CancellationToken ct) =>
        transaction.Connection!.ExecuteAsync(new CommandDefinition("SELECT pg_advisory_xact_lock(@key)",
            new { key = BinaryPrimitives.ReadInt64BigEndian(sha256.ToArray()) }, transaction, cancellationToken: ct));

    private Task SetReceivedAsync(NpgsqlTransaction transaction, Row row, long received, CancellationToken ct) =>
        transaction.Connection!.ExecuteAsync(new CommandDefinition(
            "UPDATE vault_blobs SET received = @received, touched_at = @now WHERE contribution = @Contribution AND sha256 = @Sha256",
            new { row.Contribution, row.Sha256, received, now = Now() }, transaction, cancellationToken: ct));

    private async Task<Row?> FindAsync(Hash32 contribution, Hash32 sha256, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(Row.ByKey, new { contribution, sha256 }, cancellationToken: ct));
    }

    private static Task<Row?> FindAsync(NpgsqlTransaction transaction, Hash32 contribution, Hash32 sha256, string locking, CancellationToken ct) =>
        transaction.Connection!.QuerySingleOrDefaultAsync<Row>(new CommandDefinition($"{Row.ByKey} {locking}", new { contribution, sha256 },
            transaction, cancellationToken: ct));

    private DateTime Now() => time.GetUtcNow().UtcDateTime;

    private static string Text<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static VaultException Ended(Row row, string name) => row.Is(BlobState.Expired)
        ? new VaultException(VaultError.Gone, $"the upload of {name} was not finished in time and expired at {row.EndedAt:u}", "Announce the contribution again.")
        : new VaultException(VaultError.Gone, row.EndedAt is { } at ? $"{name} was destroyed at {at:u}" : $"{name} is being destroyed", "It cannot be had or uploaded again.");

    // Never by a crash: somebody touched the folder, or the disk lies about what it has written.
    private VaultException Lost(string name)
    {
        log.LogError(LogEvents.BytesLost, "Acknowledged bytes of {Blob} are missing from the disk; its owner is asked to upload it again", name);
        return new(VaultError.WrongOffset, $"the bytes received for {name} are missing from the node's disk", "Upload it again from offset 0.", 0);
    }

    private sealed record Row(Hash32 Contribution, Hash32 Sha256, string Kind, long Size, long Received, string State, DateTime? EndedAt)
    {
        public const string Columns = "contribution, sha256, kind, size, received, state, ended_at";
        public const string ByKey = $"SELECT {Columns} FROM vault_blobs WHERE contribution = @contribution AND sha256 = @sha256";

        public bool Is(BlobState state) => State == Text(state);

        public BlobStatus ToStatus() => new(Sha256, Enum.Parse<BlobKind>(Kind, ignoreCase: true), Size, Received,
            Enum.Parse<BlobState>(State, ignoreCase: true), EndedAt is { } at ? new DateTimeOffset(at, TimeSpan.Zero) : null);
    }

    private sealed record Usage(long Blobs, long OpenHere, long OpenOfOwner, long OpenInAll, long BytesOfOwner);
}
