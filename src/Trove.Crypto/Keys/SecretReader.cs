namespace Trove.Crypto;

/// <summary>Reads small secret files straight into memory that is zeroed.</summary>
internal static class SecretReader
{
    /// <summary>The whole file, or null if it is longer than <paramref name="maxSize"/> bytes.</summary>
    public static SecretBytes? ReadFile(string path, int maxSize)
    {
        using var file = Open(path);
        using var buffer = SecretBytes.Allocate(maxSize + 1);
        int length = file.ReadAtLeast(buffer.Buffer, buffer.Length, throwOnEndOfStream: false);
        return length <= maxSize ? new SecretBytes(buffer.Span[..length]) : null;
    }

    /// <summary>Without .NET's own buffer, which would keep a copy.</summary>
    public static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
}
