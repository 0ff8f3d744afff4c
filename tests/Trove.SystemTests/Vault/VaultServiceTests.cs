using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Core;
using Trove.Node.Database;
using Trove.Node.Vault;
using static Trove.SystemTests.Vault.VaultTestExtensions;

namespace Trove.SystemTests.Vault;

/// <summary>A clock that tests set.</summary>
internal sealed class ManualTime : TimeProvider
{
    public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => Now;
}

public sealed class VaultServiceTests(PostgresFixture postgres) : IAsyncLifetime
{
    private static readonly Hash32 First = Hash32.Parse(new string('1', 64));
    private static readonly Hash32 Second = Hash32.Parse(new string('2', 64));
    private static readonly byte[] Blob = Content(1, 5000);

    private readonly string _folder = TestFolder.Create();
    private readonly ManualTime _time = new();
    private NodeDatabase _database = null!;

    public async ValueTask InitializeAsync() => _database = await postgres.OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Clients_that_send_one_upload_at_once_end_with_one_right_blob()
    {
        var vault = Open();
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async client =>
        {
            var chance = new Random(client);
            long at = 0;
            while (at < Blob.Length)
            {
                try
                {
                    at = (await vault.AppendAsync(First, Blob, (int)at, (int)Math.Min(chance.Next(1, 700), Blob.Length - at))).Received;
                }
                catch (VaultException e) when (e.Error == VaultError.WrongOffset)
                {
                    at = e.Received!.Value;
                }
            }
        }));
        await using var read = await vault.OpenReadAsync(Blob.Sha256(), BlobKind.Part, CancellationToken.None);
        Assert.Equal(Blob.Sha256(), new Hash32(await System.Security.Cryptography.SHA256.HashDataAsync(read)));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "uploads")));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "tmp")));
    }

    [Fact]
    public async Task A_declaration_is_idempotent_and_may_not_change()
    {
        var vault = Open();
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
        await vault.AppendAsync(First, Blob, 0, 100);
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
        Assert.Equal(100, Assert.Single(await Status(vault, First)).Received);
        await Refused(VaultError.Conflict, () => vault.DeclareAsync(_database, First, BlobKind.Evidence, Blob));
        await Refused(VaultError.Conflict, () => Declare(vault, First, Blob.Sha256(), 4999));
        await Refused(VaultError.Conflict, () => vault.DeclareAsync(_database, First, BlobKind.Part, Content(3, 9), Address.Parse("0x00000000000000000000000000000000000000bb")));
        await Refused(VaultError.Conflict, () => Declare(vault, First, Hash32.Parse(new string('7', 64)), 0));
        await vault.DestroyAsync(First, null, CancellationToken.None);
        await Refused(VaultError.Gone, () => vault.DeclareAsync(_database, First, BlobKind.Part, Blob));
    }

    [Fact]
    public async Task Each_quota_refuses_the_declaration_that_exceeds_it()
    {
        async Task Exceeds(VaultOptions options, VaultError error, params (int Contribution, int Size)[] declared)
        {
            await using var database = await postgres.OpenAsync();
            var vault = Open(options, database);
            for (int i = 0; i < declared.Length; i++)
            {
                var (contribution, size) = declared[i];
                Task Next() => vault.DeclareAsync(database, Content(contribution, 32).Sha256(), BlobKind.Part, Content(100 + i, size));
                if (i < declared.Length - 1)
                    await Next();
                else
                    await Refused(error, Next);
            }
        }

        await Exceeds(new VaultOptions { BlobBytes = 10 }, VaultError.TooLarge, (1, 10), (1, 11));
        await Exceeds(new VaultOptions { BlobsPerContribution = 2 }, VaultError.Quota, (1, 1), (2, 2), (1, 3), (1, 4));
        await Exceeds(new VaultOptions { OpenPerContribution = 2 }, VaultError.Quota, (1, 1), (2, 2), (1, 3), (1, 4));
        await Exceeds(new VaultOptions { OpenPerOwner = 2 }, VaultError.Quota, (1, 1), (2, 2), (3, 3));
        await Exceeds(new VaultOptions { OpenInAll = 2 }, VaultError.Quota, (1, 1), (2, 2), (3, 3));
        await Exceeds(new VaultOptions { BytesPerOwner = 10 }, VaultError.Quota, (1, 4), (2, 6), (3, 1));
    }

    [Fact]
    public async Task Quotas_hold_against_declarations_at_once_and_are_freed_by_destruction()
    {
        var vault = Open(new VaultOptions { OpenPerOwner = 3, KeepFree = 0 });
        var results = await Task.WhenAll(Enumerable.Range(0, 10).Select(async i =>
        {
            try
            {
                await vault.DeclareAsync(_database, Content(i, 32).Sha256(), BlobKind.Part, Content(i, 10));
                return 1;
            }
            catch (VaultException e) when (e.Error == VaultError.Quota)
            {
                return 0;
            }
        }));
        Assert.Equal(3, results.Sum());
        await vault.DestroyAsync(Content(Array.IndexOf(results, 1), 32).Sha256(), null, CancellationToken.None);
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
    }

    [Fact]
    public async Task Bytes_shared_by_two_contributions_go_with_the_last_one()
    {
        var vault = Open();
        foreach (var contribution in new[] { First, Second })
        {
            await vault.DeclareAsync(_database, contribution, BlobKind.Part, Blob);
            await vault.AppendAsync(contribution, Blob, 0, Blob.Length);
        }
        Assert.Equal(1, await vault.DestroyAsync(First, null, CancellationToken.None));
        await using (await vault.OpenReadAsync(Blob.Sha256(), BlobKind.Part, CancellationToken.None)) { }
        Assert.Equal(1, await vault.DestroyAsync(Second, null, CancellationToken.None));
        await Refused(VaultError.Gone, () => vault.OpenReadAsync(Blob.Sha256(), BlobKind.Part, CancellationToken.None));
        Assert.Empty(FilesOf(Blob));
        Assert.Equal(_time.Now, Assert.Single(await Status(vault, First)).EndedAt);
        Assert.Equal(0, await vault.DestroyAsync(Second, null, CancellationToken.None));
    }

    [Fact]
    public async Task Evidence_is_destroyed_and_parts_stay()
    {
        var vault = Open();
        var evidence = Content(2, 700);
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
        await vault.DeclareAsync(_database, First, BlobKind.Evidence, evidence);
        await vault.AppendAsync(First, Blob, 0, Blob.Length);
        await vault.AppendAsync(First, evidence, 0, 600); // unfinished
        Assert.Equal(1, await vault.DestroyAsync(First, BlobKind.Evidence, CancellationToken.None));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "uploads")));
        await using (await vault.OpenReadAsync(Blob.Sha256(), BlobKind.Part, CancellationToken.None)) { }
    }

    [Fact]
    public async Task An_unfinished_upload_expires_after_its_last_piece_and_may_begin_anew()
    {
        var vault = Open(new VaultOptions { Expiry = TimeSpan.FromHours(1), KeepFree = 0 });
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
        _time.Now += TimeSpan.FromMinutes(59);
        await vault.AppendAsync(First, Blob, 0, 100);
        _time.Now += TimeSpan.FromMinutes(59);
        Assert.Equal(0, await vault.SweepAsync(CancellationToken.None));
        _time.Now += TimeSpan.FromMinutes(2);
        Assert.Equal(1, await vault.SweepAsync(CancellationToken.None));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "uploads")));
        await Refused(VaultError.Gone, () => vault.AppendAsync(First, Blob, 100, 100));
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
        Assert.Equal(BlobState.Stored, (await vault.AppendAsync(First, Blob, 0, Blob.Length)).State);
        _time.Now += TimeSpan.FromDays(1);
        Assert.Equal(0, await vault.SweepAsync(CancellationToken.None)); // what is stored stays
    }

    [Fact]
    public async Task A_full_disk_is_refused_before_anything_is_written()
    {
        var vault = Open(new VaultOptions { KeepFree = long.MaxValue / 2 });
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
        await Refused(VaultError.NoSpace, () => vault.AppendAsync(First, Blob, 0, 100));
    }

    [Fact]
    public async Task More_pieces_at_once_than_allowed_are_asked_to_come_again()
    {
        var vault = Open(new VaultOptions { PiecesAtOnce = 1, KeepFree = 0 });
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
        var inPiece = new TaskCompletionSource();
        var goOn = new ManualResetEventSlim();
        vault.Fault = step =>
        {
            if (step == "piece-spooled")
            {
                inPiece.TrySetResult();
                goOn.Wait();
            }
        };
        var slow = Task.Run(() => vault.AppendAsync(First, Blob, 0, 100));
        await inPiece.Task;
        await Refused(VaultError.Busy, () => vault.AppendAsync(First, Blob, 0, 100));
        goOn.Set();
        Assert.Equal(100, (await slow).Received);
    }

    [Fact]
    public async Task Acknowledged_bytes_that_are_missing_from_the_disk_are_asked_for_again()
    {
        var vault = Open();
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
        await vault.AppendAsync(First, Blob, 0, 100);
        File.Delete(Directory.EnumerateFiles(Path.Combine(_folder, "uploads")).Single());
        Assert.Equal(0, (await Refused(VaultError.WrongOffset, () => vault.AppendAsync(First, Blob, 100, 100))).Received);
        Assert.Equal(BlobState.Stored, (await vault.AppendAsync(First, Blob, 0, Blob.Length)).State);
    }

    [Theory]
    [InlineData("piece-committed")]
    [InlineData("mismatch-found")]
    public async Task A_crash_after_a_wrong_upload_does_not_give_it_somebody_elses_bytes(string crash)
    {
        var vault = Open();
        await vault.DeclareAsync(_database, First, BlobKind.Evidence, Blob);
        await vault.AppendAsync(First, Blob, 0, Blob.Length);
        await vault.DeclareAsync(_database, Second, BlobKind.Part, Blob); // the same hash, without having the bytes
        vault.Fault = step =>
        {
            if (step == crash)
                throw new CrashException();
        };
        await Assert.ThrowsAsync<CrashException>(() => vault.AppendAsync(Second, Blob.Sha256(), 0, new MemoryStream(Content(66, Blob.Length)), Blob.Length, CancellationToken.None));
        vault = Open();
        await vault.SweepAsync(CancellationToken.None);
        Assert.Equal(0, Assert.Single(await Status(vault, Second)).Received);
        await Refused(VaultError.NotFound, () => vault.OpenReadAsync(Blob.Sha256(), BlobKind.Part, CancellationToken.None));
    }

    [Fact]
    public async Task Right_bytes_that_come_while_wrong_ones_are_dropped_stay()
    {
        var vault = Open();
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
        bool dropped = false;
        vault.Fault = step =>
        {
            if (step == "mismatch-committed" && !dropped)
            {
                dropped = true;
                Assert.Equal(100, vault.AppendAsync(First, Blob, 0, 100).GetAwaiter().GetResult().Received);
            }
        };
        await Refused(VaultError.HashMismatch, () => vault.AppendAsync(First, Blob.Sha256(), 0, new MemoryStream(Content(67, Blob.Length)), Blob.Length, CancellationToken.None));
        Assert.True(dropped);
        Assert.Equal(BlobState.Stored, (await vault.AppendAsync(First, Blob, 100, Blob.Length - 100)).State);
        // And without such a hurry nothing of the wrong ones is left.
        await vault.DeclareAsync(_database, Second, BlobKind.Part, Blob);
        await Refused(VaultError.HashMismatch, () => vault.AppendAsync(Second, Blob.Sha256(), 0, new MemoryStream(Content(67, Blob.Length)), Blob.Length, CancellationToken.None));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "uploads")));
    }

    [Fact]
    public async Task Destroying_a_blob_spares_bytes_that_a_dead_process_had_just_moved_into_place()
    {
        var vault = Open();
        foreach (var contribution in new[] { First, Second })
            await vault.DeclareAsync(_database, contribution, BlobKind.Part, Blob);
        await vault.AppendAsync(First, Blob, 0, Blob.Length);
        vault.Fault = step =>
        {
            if (step == "upload-adopted")
                throw new CrashException();
        };
        await Assert.ThrowsAsync<CrashException>(() => vault.AppendAsync(Second, Blob, 0, Blob.Length));
        vault = Open();
        await vault.DestroyAsync(First, null, CancellationToken.None);
        await vault.SweepAsync(CancellationToken.None);
        Assert.Equal(BlobState.Stored, Assert.Single(await Status(vault, Second)).State);
        await using (await vault.OpenReadAsync(Blob.Sha256(), BlobKind.Part, CancellationToken.None)) { }
    }

    [Fact]
    public async Task A_sweep_goes_on_after_a_row_that_fails()
    {
        var vault = Open();
        foreach (var (contribution, content) in new[] { (First, Content(10, 10)), (Second, Content(11, 10)) })
        {
            await vault.DeclareAsync(_database, contribution, BlobKind.Part, content);
            await vault.AppendAsync(contribution, content, 0, 10);
        }
        vault.Fault = _ => throw new CrashException();
        foreach (var contribution in new[] { First, Second })
            await Assert.ThrowsAsync<CrashException>(() => vault.DestroyAsync(contribution, null, CancellationToken.None));
        vault = Open();
        int rows = 0;
        vault.Fault = step =>
        {
            if (step == "bytes-deleted" && rows++ == 0)
                throw new IOException("the disk");
        };
        Assert.Equal(1, await vault.SweepAsync(CancellationToken.None));
        Assert.Equal(1, await vault.SweepAsync(CancellationToken.None));
    }

    [Fact]
    public async Task The_database_holds_the_tokens_hash_and_not_the_token()
    {
        var vault = Open();
        await vault.DeclareAsync(_database, First, BlobKind.Part, Blob);
        Assert.True(await vault.MayUploadAsync(First, Token, CancellationToken.None));
        Assert.False(await vault.MayUploadAsync(Second, Token, CancellationToken.None));
        Assert.False(await vault.MayUploadAsync(First, new string('x', 100_000), CancellationToken.None));
        await using var connection = await _database.Source.OpenConnectionAsync();
        Assert.Equal(0, await connection.ExecuteScalarAsync<int>(
            "SELECT count(*) FROM vault_upload_tokens t WHERE position(convert_to(@Token, 'UTF8') in t.token_hash) > 0", new { Token }));
    }

    private VaultService Open(VaultOptions? options = null, NodeDatabase? database = null)
    {
        options ??= new VaultOptions { KeepFree = 0 };
        return new VaultService(database ?? _database, new BlobStore(_folder, options.KeepFree), options, _time, NullLogger<VaultService>.Instance);
    }

    private Task Declare(VaultService vault, Hash32 contribution, Hash32 sha256, long size) => _database.TransactAsync(
        t => vault.DeclareAsync(t, contribution, Owner, BlobKind.Part, sha256, size, CancellationToken.None), CancellationToken.None);

    private static Task<IReadOnlyList<BlobStatus>> Status(VaultService vault, Hash32 contribution) => vault.StatusAsync(contribution, CancellationToken.None);

    private IEnumerable<string> FilesOf(byte[] content) =>
        Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).Where(f => File.ReadAllBytes(f).AsSpan().IndexOf(content.AsSpan(0, 64)) >= 0);

    private static async Task<VaultException> Refused(VaultError error, Func<Task> action)
    {
        var e = await Assert.ThrowsAsync<VaultException>(action);
        Assert.Equal(error, e.Error);
        return e;
    }
}

/// <summary>What a test throws where a process would have died.</summary>
internal sealed class CrashException : Exception;
