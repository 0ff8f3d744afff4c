using System.Security.Cryptography;
using Trove.Core;
using Trove.Node.Vault;

namespace Trove.Tests.Vault;

public sealed class BlobStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-blobs-").FullName;
    private static readonly byte[] Content = RandomNumberGenerator.GetBytes(300_000);
    private static readonly Hash32 Hash = new(SHA256.HashData(Content));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_blob_lies_under_its_hash_and_storing_it_twice_is_storing_it_once()
    {
        var store = new BlobStore(_folder, 0);
        for (int i = 0; i < 2; i++)
            Assert.Equal(Content.Length, await store.PutAsync(Hash, new MemoryStream(Content), Content.Length, CancellationToken.None));
        var hex = Hash.ToHex();
        Assert.Equal(Content, File.ReadAllBytes(Path.Combine(_folder, hex[..2], hex[2..])));
        Assert.Single(Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories));
        Assert.True(new BlobStore(_folder, 0).Contains(Hash));
    }

    [Fact]
    public async Task Storing_at_once_from_many_sides_stores_one_whole_blob()
    {
        var store = new BlobStore(_folder, 0);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => store.PutAsync(Hash, new MemoryStream(Content), Content.Length, CancellationToken.None))));
        await using var read = store.OpenRead(Hash);
        Assert.Equal(Hash, new Hash32(await SHA256.HashDataAsync(read!)));
    }

    [Fact]
    public async Task Other_bytes_than_the_hash_says_are_refused_and_leave_nothing()
    {
        var store = new BlobStore(_folder, 0);
        var e = await Assert.ThrowsAsync<VaultException>(() => store.PutAsync(Hash, new MemoryStream([1, 2, 3]), 10, CancellationToken.None));
        Assert.Equal(VaultError.HashMismatch, e.Error);
        e = await Assert.ThrowsAsync<VaultException>(() => store.PutAsync(Hash, new MemoryStream(Content), Content.Length - 1, CancellationToken.None));
        Assert.Equal(VaultError.TooLarge, e.Error);
        Assert.Empty(Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_disk_that_would_be_too_full_is_refused()
    {
        var store = new BlobStore(_folder, long.MaxValue / 2);
        var e = await Assert.ThrowsAsync<VaultException>(() => store.PutAsync(Hash, new MemoryStream(Content), Content.Length, CancellationToken.None));
        Assert.Equal(VaultError.NoSpace, e.Error);
    }

    [Fact]
    public async Task A_reader_reads_ranges_and_is_not_disturbed_by_deletion()
    {
        var store = new BlobStore(_folder, 0);
        await store.PutAsync(Hash, new MemoryStream(Content), Content.Length, CancellationToken.None);
        await using var read = store.OpenRead(Hash)!;
        Assert.True(store.Delete(Hash));
        Assert.False(store.Delete(Hash));
        Assert.Null(store.OpenRead(Hash));
        read.Position = 200_000;
        var some = new byte[50_000];
        await read.ReadExactlyAsync(some);
        Assert.Equal(Content[200_000..250_000], some);
    }

    [Fact]
    public async Task Opening_deletes_what_a_crash_left_long_ago_and_keeps_uploads_blobs_and_what_others_write()
    {
        var store = new BlobStore(_folder, 0);
        await store.PutAsync(Hash, new MemoryStream(Content), Content.Length, CancellationToken.None);
        await using (var left = store.CreateTemporary())
        {
            left.Write(Content);
            File.SetLastWriteTimeUtc(left.Name, DateTime.UtcNow.AddHours(-25));
        }
        await using var another = store.CreateTemporary();
        await using (var piece = store.CreateNameless())
            piece.Write(Content); // has no name to be left behind
        await using (var upload = store.OpenUpload(Hash, Hash))
            upload.Write(Content);
        Assert.Equal(2, Directory.EnumerateFiles(Path.Combine(_folder, "tmp")).Count());
        store = new BlobStore(_folder, 0);
        Assert.Equal(another.Name, Assert.Single(Directory.EnumerateFiles(Path.Combine(_folder, "tmp"))));
        Assert.Equal(Content.Length, store.UploadLength(Hash, Hash));
        Assert.True(store.Contains(Hash));
    }
}
