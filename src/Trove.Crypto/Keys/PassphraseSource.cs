using Microsoft.Win32.SafeHandles;

namespace Trove.Crypto;

/// <summary>
/// Passphrases from a file or an open descriptor, never from an argument, which every process of the machine could read.
/// The first line counts, without its line end; 1 to 1024 bytes, taken as they are (UTF-8 by convention, no normalisation).
/// </summary>
public static class PassphraseSource
{
    /// <summary>Longest passphrase in bytes.</summary>
    public const int MaxLength = 1024;

    /// <summary>The first line of a file.</summary>
    /// <exception cref="FormatException">Empty or too long.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SecretBytes FromFile(string path)
    {
        using var file = SecretReader.Open(path);
        return ReadLine(file, $"file {path}");
    }

    /// <summary>The first line from a file descriptor, which stays open.</summary>
    /// <exception cref="FormatException">Empty or too long.</exception>
    /// <exception cref="IOException">Not an open descriptor.</exception>
    public static SecretBytes FromDescriptor(int descriptor)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(descriptor);
        using var handle = new SafeFileHandle(descriptor, ownsHandle: false);
        using var file = new FileStream(handle, FileAccess.Read, bufferSize: 0);
        return ReadLine(file, $"descriptor {descriptor}");
    }

    internal static SecretBytes ReadLine(Stream stream, string name)
    {
        using var buffer = SecretBytes.Allocate(MaxLength + 2); // room for CR LF
        int length = 0, newline = -1;
        while (newline < 0 && length < buffer.Length)
        {
            int read = stream.Read(buffer.Buffer[length..]);
            if (read == 0)
                break;
            length += read;
            newline = buffer.Span[..length].IndexOf((byte)'\n');
        }
        var line = buffer.Span[..(newline < 0 ? length : newline)];
        if (newline > 0 && line[^1] == '\r')
            line = line[..^1];
        if (line.IsEmpty || line.Length > MaxLength)
            throw new FormatException($"the passphrase in {name} is {(line.IsEmpty ? "empty" : $"longer than {MaxLength} bytes")}; put it on the first line, 1 to {MaxLength} bytes long");
        return new SecretBytes(line);
    }
}
