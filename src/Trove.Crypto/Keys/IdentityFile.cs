namespace Trove.Crypto;

/// <summary>The identity files of age: one <c>AGE-SECRET-KEY-1…</c> a line, empty lines and <c>#</c> comments between.</summary>
public static class IdentityFile
{
    /// <summary>Largest file in bytes.</summary>
    public const int MaxSize = 64 * 1024;

    /// <summary>Most identities: each is tried on each stanza.</summary>
    public const int MaxIdentities = 128;

    /// <summary>All identities of a file; the caller disposes them.</summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.Key"/>, naming the line but not repeating it.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<X25519Identity> Load(string path)
    {
        using var bytes = SecretReader.ReadFile(path, MaxSize)
            ?? throw new AgeException(AgeFailure.Key, $"the identity file {path} is longer than {MaxSize} bytes; it is no identity file");
        return Parse(bytes.Span, path);
    }

    /// <summary>All identities of a text; <paramref name="name"/> is what errors call it.</summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.Key"/>.</exception>
    public static IReadOnlyList<X25519Identity> Parse(ReadOnlySpan<byte> text, string name)
    {
        var identities = new List<X25519Identity>();
        try
        {
            int number = 0;
            foreach (var range in text.Split((byte)'\n'))
            {
                number++;
                var line = text[range].Trim(" \t\r"u8);
                if (line.IsEmpty || line[0] == '#')
                    continue;
                if (identities.Count == MaxIdentities)
                    throw new AgeException(AgeFailure.Key, $"the identity file {name} has more than {MaxIdentities} identities; split it");
                try
                {
                    identities.Add(X25519Identity.Parse(line));
                }
                catch (AgeException e)
                {
                    throw new AgeException(AgeFailure.Key, $"line {number} of the identity file {name}: {e.Message}", e);
                }
            }
            return identities.Count > 0
                ? identities
                : throw new AgeException(AgeFailure.Key, $"the identity file {name} has no identity; one line must be AGE-SECRET-KEY-1…");
        }
        catch
        {
            identities.ForEach(identity => identity.Dispose());
            throw;
        }
    }
}
