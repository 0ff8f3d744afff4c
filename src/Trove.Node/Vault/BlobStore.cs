using System.Buffers;
using System.Security.Cryptography;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Node.Operations;

namespace Trove.Node.Vault;

/// <summary>
/// Bytes under their SHA-256, in a folder: <c>ab/cdef…</c> by the hash's hex digits. A file is written under another
/// name, flushed, and renamed, so that a name always means whole and right content, also after power is lost.
/// It knows nothing about who may store or read; that is <see cref="VaultService"/>.
/// </summary>
public sealed class BlobStore
{
    private const int CopyBuffer = 256 * 1024;

    private readonly string _root;
    private readonly string _temporary;
    private readonly string _uploads;
    private readonly long _keepFree;
    private readonly Func<string, long> _free;

    // Nobody writes a file for so long: what is older was left by a process that died, perhaps another node's.
    private static readonly TimeSpan Left = TimeSpan.FromDays(1);

    /// <summary>Opens the store, creating its folders.</summary>
    /// <param name="folder">May be shared: several nodes on one database use one folder, on a file system that renames atomically.</param>
    /// <param name="keepFree">Bytes of the disk that writing must leave free.</param>
    /// <param name="free">Bytes free on the disk of a folder; what the system says by default.</param>
    public BlobStore(string folder, long keepFree, Func<string, long>? free = null)
    {
        _root = Path.GetFullPath(folder);
        _temporary = Path.Combine(_root, "tmp");
        _uploads = Path.Combine(_root, "uploads");
        _keepFree = keepFree;
        _free = free ?? DiskSpace.OfSystem;
        Directory.CreateDirectory(_temporary);
        Directory.CreateDirectory(_uploads);
        DeleteLeft();
        DurableFile.SyncFolder(_root);
    }

    /// <summary>Is this blob there?</summary>
    public bool Contains(Hash32 sha256) => File.Exists(PathOf(sha256));

    /// <summary>Opens a blob for reading; seekable. Null when it is not there. Deleting it meanwhile does not disturb the reader.</summary>
    public FileStream? OpenRead(Hash32 sha256)
    {
        try
        {
            return new FileStream(PathOf(sha256), new FileStreamOptions
            {
                Mode = FileMode.Open,
                Access = FileAccess.Read,
                Share = FileShare.Read | FileShare.Delete,
                Options = FileOptions.Asynchronous,
                BufferSize = 0,
            });
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Stores <paramref name="content"/>, whose hash must be <paramref name="sha256"/>. Storing it twice is storing it once.</summary>
    /// <param name="sha256">What the content must hash to.</param>
    /// <param name="content">Read to its end.</param>
    /// <param name="limit">Most bytes it may have.</param>
    /// <param name="ct">Ends the work; nothing is stored.</param>
    /// <returns>Its length in bytes.</returns>
    /// <exception cref="VaultException">Too long, another hash, or too little space on the disk.</exception>
    public async Task<long> PutAsync(Hash32 sha256, Stream content, long limit, CancellationToken ct)
    {
        await using var file = CreateTemporary();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBuffer);
        try
        {
            long length = 0;
            int read;
            while ((read = await content.ReadAsync(buffer.AsMemory(0, CopyBuffer), ct)) > 0)
            {
                length += read;
                if (length > limit)
                    throw new VaultException(VaultError.TooLarge, $"blob {sha256.ToHex()} is longer than {limit} bytes", "Store less.");
                EnsureSpace(read);
                hash.AppendData(buffer, 0, read);
                await file.WriteAsync(buffer.AsMemory(0, read), ct);
            }
            var got = new Hash32(hash.GetHashAndReset());
            if (got != sha256)
                throw new VaultException(VaultError.HashMismatch, $"the bytes given for blob {sha256.ToHex()} have the SHA-256 {got.ToHex()}",
                    "Send the bytes that were hashed.");
            DurableFile.Sync(file);
            Adopt(file.Name, sha256);
            return length;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            File.Delete(file.Name); // gone already when it was adopted
        }
    }

    /// <summary>Deletes a blob; returns when that is durable.</summary>
    /// <returns>False when it was not there.</returns>
    public bool Delete(Hash32 sha256)
    {
        var path = PathOf(sha256);
        if (!File.Exists(path))
            return false;
        File.Delete(path);
        DurableFile.SyncFolder(Path.GetDirectoryName(path)!);
        return true;
    }

    /// <exception cref="VaultException">Writing <paramref name="bytes"/> more would leave too little space on the disk.</exception>
    internal void EnsureSpace(long bytes)
    {
        long free = _free(_root);
        if (free - bytes < _keepFree)
            throw new VaultException(VaultError.NoSpace, $"the node's disk has {free} bytes free and keeps {_keepFree} of them",
                "Try again later or through another node; the operator has to make space.");
    }

    /// <summary>Writes a file and deletes it again.</summary>
    /// <exception cref="IOException">The folder cannot be written to.</exception>
    internal void TryWrite()
    {
        using var file = CreateNameless();
        file.WriteByte(0);
    }

    /// <summary>Deletes what crashes left half-written; not what another node is writing now.</summary>
    internal void DeleteLeft()
    {
        foreach (var file in new DirectoryInfo(_temporary).EnumerateFiles())
            if (DateTime.UtcNow - file.LastWriteTimeUtc > Left)
                file.Delete();
    }

    /// <summary>A file for bytes on their way that has no name any more: it ends with its stream, also when the process is killed.</summary>
    internal FileStream CreateNameless()
    {
        var file = CreateTemporary();
        File.Delete(file.Name);
        return file;
    }

    /// <summary>A new file for bytes on their way, to be renamed or deleted.</summary>
    internal FileStream CreateTemporary() => new(Path.Combine(_temporary, Guid.NewGuid().ToString("N")), new FileStreamOptions
    {
        Mode = FileMode.CreateNew,
        Access = FileAccess.ReadWrite,
        Share = FileShare.Delete,
        Options = FileOptions.Asynchronous,
        BufferSize = 0,
    });

    /// <summary>Opens, and if need be creates, the file that gathers an unfinished upload.</summary>
    internal FileStream OpenUpload(Hash32 contribution, Hash32 sha256) => new(UploadPath(contribution, sha256), new FileStreamOptions
    {
        Mode = FileMode.OpenOrCreate,
        Access = FileAccess.ReadWrite,
        Share = FileShare.ReadWrite | FileShare.Delete,
        Options = FileOptions.Asynchronous,
        BufferSize = 0,
    });

    /// <summary>Makes the creation and deletion of uploads' files durable.</summary>
    internal void FlushUploads() => DurableFile.SyncFolder(_uploads);

    /// <summary>Bytes of an unfinished upload on the disk; -1 when there is no file.</summary>
    internal long UploadLength(Hash32 contribution, Hash32 sha256) =>
        new FileInfo(UploadPath(contribution, sha256)) is { Exists: true } file ? file.Length : -1;

    /// <summary>Drops an unfinished upload; returns when that is durable.</summary>
    internal void DeleteUpload(Hash32 contribution, Hash32 sha256)
    {
        File.Delete(UploadPath(contribution, sha256));
        FlushUploads();
    }

    /// <summary>SHA-256 of an upload as it is on the disk.</summary>
    internal async Task<Hash32> HashUploadAsync(Hash32 contribution, Hash32 sha256, CancellationToken ct)
    {
        await using var file = OpenUpload(contribution, sha256);
        return new Hash32(await SHA256.HashDataAsync(file, ct));
    }

    /// <summary>Moves a finished and flushed upload to its place; idempotent.</summary>
    internal void AdoptUpload(Hash32 contribution, Hash32 sha256)
    {
        Adopt(UploadPath(contribution, sha256), sha256);
        FlushUploads();
    }

    private void Adopt(string file, Hash32 sha256)
    {
        var path = PathOf(sha256);
        var folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder);
        DurableFile.Move(file, path); // the same content takes the place of the same content
        DurableFile.SyncFolder(folder);
        DurableFile.SyncFolder(_root); // always: the folder may be new through somebody who has not come so far
    }

    private string PathOf(Hash32 sha256)
    {
        var hex = sha256.ToHex();
        return Path.Combine(_root, hex[..2], hex[2..]);
    }

    private string UploadPath(Hash32 contribution, Hash32 sha256) =>
        Path.Combine(_uploads, $"{contribution.ToHex()}-{sha256.ToHex()}");
}
