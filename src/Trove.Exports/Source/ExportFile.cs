namespace Trove.Exports.Source;

/// <summary>
/// One file of an export. Its content is only ever read as a stream whose bytes are counted; what goes wrong there is an
/// <see cref="InvalidDataException"/> whose message can be shown, except for limits of the whole export.
/// </summary>
internal sealed class ExportFile(string name, Func<Stream> open, ReadBudget budget)
{
    private long _counted;

    /// <summary>Normalised, with forward slashes and without a wrapping folder.</summary>
    public string Name { get; set; } = name;

    /// <summary>The name with its wrapping folder.</summary>
    public string FullName { get; } = name;

    /// <summary>Why it is never opened; null when it can be.</summary>
    public string? Refused { get; set; }

    /// <summary>Left there by an operating system.</summary>
    public bool IsJunk { get; init; }

    /// <summary>Can it be opened?</summary>
    public bool IsReadable => Refused is null && !IsJunk;

    /// <summary>Bytes of the archive that hold it; 0 for a file that is not compressed.</summary>
    public long CompressedBytes { get; init; }

    /// <summary>What the archive claims of the content; null where nothing is claimed.</summary>
    public (long Bytes, uint Crc)? Claim { get; init; }

    /// <summary>A fresh stream over the content.</summary>
    public Stream Open() => Refused is null ? new CountingStream(this, open()) : throw new InvalidDataException(Refused);

    /// <summary>The first bytes, at most <paramref name="count"/>; fewer where the file ends or cannot be read on.</summary>
    public byte[] Head(int count)
    {
        var head = new byte[Math.Min(count, 4096)]; // grows with what is there: exports have thousands of small files
        int read = 0;
        try
        {
            using var stream = Open();
            for (int got; read < count && (got = stream.Read(head.AsSpan(read))) > 0;)
            {
                read += got;
                if (read == head.Length)
                    Array.Resize(ref head, (int)Math.Min(count, 4L * head.Length));
            }
        }
        catch (Exception e) when (IsFault(e))
        {
            // What came before the fault is enough to recognise it by; whoever reads the file will report the fault.
        }
        return head[..read];
    }

    /// <summary>Is it a fault of one file, which the rest of the export survives?</summary>
    public static bool IsFault(Exception e) => e is InvalidDataException or IOException or UnauthorizedAccessException;

    /// <summary>What such a fault is called in a report: messages of the operating system may hold paths of the machine.</summary>
    public static string Reason(Exception fault) => fault is InvalidDataException ? fault.Message : "it cannot be read from the disk";

    /// <summary>Counts what was really read, each byte of the file once however often it is read.</summary>
    private void Count(long position)
    {
        if (position <= _counted)
            return;
        budget.Spend(position - _counted, Name);
        _counted = position;
    }

    private sealed class CountingStream(ExportFile file, Stream inner) : ReadOnlyStream
    {
        private readonly ExportLimits _limits = file.Budget.Limits;
        private long _position;
        private Crc32 _crc = new();

        public override int Read(Span<byte> buffer)
        {
            if (buffer.Length == 0)
                return 0;
            int read = inner.Read(buffer);
            if (read == 0)
            {
                if (file.Claim is { } claim && (claim.Bytes != _position || claim.Crc != _crc.Value))
                    throw new InvalidDataException("its length or checksum is not what the archive says: it was damaged or tampered with");
                return 0;
            }
            _position += read;
            if (file.Claim is { } claimed)
            {
                if (_position > claimed.Bytes)
                    throw new InvalidDataException("it is longer than the archive says");
                _crc.Append(buffer[..read]);
            }
            if (_position > _limits.EntryBytes)
                throw new InvalidDataException($"it is longer than {_limits.EntryBytes} bytes");
            if (file.CompressedBytes > 0 && _position > 1 << 20 && _position / file.CompressedBytes > _limits.Ratio)
                throw new InvalidDataException($"it inflates to more than {_limits.Ratio} times its size, as zip bombs do");
            file.Count(_position);
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }

    private ReadBudget Budget => budget;
}

/// <summary>The bytes that all files of one export may come to.</summary>
internal sealed class ReadBudget(ExportLimits limits)
{
    private long _spent;

    public ExportLimits Limits => limits;

    public void Spend(long bytes, string name)
    {
        _spent += bytes;
        if (_spent > limits.TotalBytes)
            throw new ExportException("read export", name, $"its files come to more than {limits.TotalBytes} bytes in all",
                "remove large media from the export, or import it in parts");
    }
}
