using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Trove.Models.Training;

/// <summary>
/// The tokens of all documents of a run, one behind the other, in a file of their own that goes when it is closed: memory does not grow with the
/// data. Each is a little-endian 32-bit word: the id, and two bits that say where a document begins and which tokens are not to be learnt.
/// </summary>
public sealed class TokenFile : IDisposable
{
    /// <summary>A token with which a document begins: it sees nothing before itself.</summary>
    internal const uint Begins = 1u << 31;

    /// <summary>A token that is read but that no other token is to predict.</summary>
    internal const uint Unlearnt = 1u << 30;

    private const uint MostIds = 1 << 20;
    private const int Buffered = 1 << 16; // words

    private readonly SafeFileHandle _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly uint[] _pending = new uint[Buffered];
    private int _count;
    private long _written;

    /// <summary>An empty one.</summary>
    /// <param name="path">Replaced when it is there, deleted when this is disposed.</param>
    public TokenFile(string path) => _file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);

    /// <summary>Tokens.</summary>
    public long Length => _written + _count;

    /// <summary>Documents begun.</summary>
    public long Documents { get; private set; }

    /// <summary>Appends tokens to the document begun last, or begins one.</summary>
    /// <param name="ids">Ids.</param>
    /// <param name="begins">Do they begin a document? The first ones must.</param>
    /// <param name="learnt">Are they to be predicted from what is before them?</param>
    /// <param name="firstLearnt">The same of the first one; a document without a token for its beginning has nothing to predict it from.</param>
    /// <exception cref="ArgumentException">An id that no vocabulary has, or tokens before the first document.</exception>
    public void Append(ReadOnlySpan<int> ids, bool begins, bool learnt = true, bool firstLearnt = true)
    {
        if (ids.IsEmpty)
            return;
        if (!begins && Length == 0)
            throw new ArgumentException("the first tokens begin a document", nameof(begins));
        Documents += begins ? 1 : 0;
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= MostIds)
                throw new ArgumentException($"there is no token {ids[i]}", nameof(ids));
            if (_count == Buffered)
                Flush();
            _pending[_count++] = (uint)ids[i] | (begins && i == 0 ? Begins : 0) | (learnt && (i > 0 || firstLearnt) ? 0 : Unlearnt);
        }
    }

    /// <summary>SHA-256 of all words: the same data and the same tokenizer give the same.</summary>
    public byte[] Hash()
    {
        Flush();
        return _hash.GetCurrentHash();
    }

    /// <summary>Writes all words to another file, for those who read them otherwise.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void CopyTo(string path)
    {
        var words = new uint[Buffered];
        using var file = File.Create(path);
        for (long at = 0; at < Length; at += Buffered)
        {
            var some = words.AsSpan(0, (int)Math.Min(Buffered, Length - at));
            Read(at, some);
            file.Write(MemoryMarshal.AsBytes(some));
        }
    }

    /// <summary>Words from this one on; after the last comes the first.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal void Read(long start, Span<uint> to)
    {
        Flush();
        while (to.Length > 0)
        {
            start %= _written;
            var some = MemoryMarshal.AsBytes(to[..(int)Math.Min(to.Length, _written - start)]);
            for (int done = 0; done < some.Length;)
            {
                int read = RandomAccess.Read(_file, some[done..], start * sizeof(uint) + done);
                done += read > 0 ? read : throw new EndOfStreamException("the file of tokens became shorter while it was read");
            }
            start += some.Length / sizeof(uint);
            to = to[(some.Length / sizeof(uint))..];
        }
    }

    /// <summary>Closes and deletes the file.</summary>
    public void Dispose()
    {
        _file.Dispose();
        _hash.Dispose();
    }

    private void Flush()
    {
        if (_count == 0)
            return;
        var bytes = MemoryMarshal.AsBytes(_pending.AsSpan(0, _count));
        RandomAccess.Write(_file, bytes, _written * sizeof(uint));
        _hash.AppendData(bytes);
        _written += _count;
        _count = 0;
    }
}
