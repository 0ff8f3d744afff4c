using Trove.Node.Operations;
using Trove.Node.Sessions;

namespace Trove.Tests.Node;

/// <summary>Which folders a node uses, how much is free where, and who may copy them.</summary>
public sealed class NodeFolderTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("trove-folder-").FullName, _elsewhere = Directory.CreateTempSubdirectory("trove-blobs-").FullName;

    [Fact]
    public void Ciphertext_is_where_the_node_was_first_told()
    {
        Assert.Equal(Path.Combine(_data, "blobs"), NodeFolder.Blobs(_data, null));
        Assert.Equal(_elsewhere, NodeFolder.Blobs(_data, _elsewhere));
        Assert.Equal(_elsewhere, NodeFolder.Blobs(_data)); // what a backup finds
        Assert.Equal(_elsewhere, NodeFolder.Blobs(_data, _elsewhere + "/../" + Path.GetFileName(_elsewhere)));
        // Without it the node would begin an empty folder and call every part missing.
        var refused = Assert.Throws<IOException>(() => NodeFolder.Blobs(_data, null));
        Assert.Contains(_elsewhere, refused.Message, StringComparison.Ordinal);
        Assert.Contains("--blobs", refused.Message, StringComparison.Ordinal);
        Assert.Equal(_elsewhere, NodeFolder.Blobs(_data)); // the refusal changed nothing
        // Nor with another, while its ciphertext is where it was.
        var (part, other) = (Path.Combine(_elsewhere, "part"), Path.Combine(_data, "other"));
        File.WriteAllText(part, "");
        refused = Assert.Throws<IOException>(() => NodeFolder.Blobs(_data, other));
        Assert.Contains($"is in {_elsewhere}, not in {other}", refused.Message, StringComparison.Ordinal);
        Assert.Equal(_elsewhere, NodeFolder.Blobs(_data));
        File.Delete(part); // moved
        Assert.Equal(other, NodeFolder.Blobs(_data, other + "/"));
        Assert.Equal(other, NodeFolder.Blobs(_data));
    }

    [Fact]
    public void Space_is_what_the_fuller_disk_has()
    {
        var disk = new DiskSpace([_data, _elsewhere], 1000, folder => folder == _elsewhere ? 10 : 5000);
        Assert.Equal(10, disk.Free);
        disk = new DiskSpace([_data, _elsewhere], 1000, folder => folder == _data ? 20 : 5000);
        Assert.Equal((20, 1000, 250), (disk.Free, disk.KeepFree, disk.KeepFreeForBlocks));
    }

    [Fact]
    public async Task Two_backups_into_one_folder_at_once_are_refused()
    {
        using (new FileStream(Path.Combine(_elsewhere, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        {
            var refused = await Assert.ThrowsAsync<IOException>(() => Backup.MakeAsync(_data, _elsewhere, CancellationToken.None));
            Assert.Contains($"another backup into {_elsewhere} is under way", refused.Message, StringComparison.Ordinal);
        }
        Assert.Equal([Path.Combine(_elsewhere, "lock")], Directory.GetFileSystemEntries(_elsewhere));
    }

    [Theory]
    [InlineData("http://localhost:8080", true)]
    [InlineData("http://127.0.0.1", true)]
    [InlineData("http://192.0.2.7:8080", true)]
    [InlineData("http://[2001:db8::1]:8080", true)]
    [InlineData("https://trove.example", true)]
    [InlineData("https://TROVE.example:443", true)]
    [InlineData("https://trove.example:8443", false)]
    [InlineData("https://trove.example.evil.example", false)]
    [InlineData("https://evil.example", false)]
    public void Names_of_the_node_are_its_addresses_and_its_public_url(string site, bool own)
    {
        Assert.Equal(own, new PublicSite(new Uri("https://trove.example")).Is(new Uri(site)));
        Assert.Equal(own && !site.Contains("example", StringComparison.OrdinalIgnoreCase), new PublicSite(null).Is(new Uri(site)));
    }

    public void Dispose()
    {
        Directory.Delete(_data, recursive: true);
        Directory.Delete(_elsewhere, recursive: true);
    }
}
