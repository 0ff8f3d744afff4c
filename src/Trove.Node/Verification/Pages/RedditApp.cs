using System.Net.Http.Headers;
using Trove.Crypto;

namespace Trove.Node.Verification.Pages;

/// <summary>
/// The app that a verifier's operator registered with Reddit, by which it knows the verifier: client id and secret as a file's first line,
/// <c>CLIENT-ID:SECRET</c>, which is how HTTP sends them (RFC 7617, section 2). Zeroed on disposal, never printed.
/// </summary>
public sealed class RedditApp : IDisposable
{
    private readonly SecretBytes _line;

    private RedditApp(SecretBytes line) => _line = line;

    /// <summary>Reads the first line of a file.</summary>
    /// <exception cref="FormatException">It is no app's; says the file's name and nothing of what is in it.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static RedditApp FromFile(string path)
    {
        SecretBytes line;
        try
        {
            line = PassphraseSource.FromFile(path);
        }
        catch (FormatException)
        {
            throw NoApp(path);
        }
        if (IsApp(line.Span))
            return new RedditApp(line);
        line.Dispose();
        throw NoApp(path);
    }

    /// <inheritdoc/>
    public void Dispose() => _line.Dispose();

    /// <summary>What asks for a token.</summary>
    internal AuthenticationHeaderValue Authorization() => new("Basic", Convert.ToBase64String(_line.Span));

    /// <summary>Visible ASCII around the first colon: an id has none, a secret may, and an app without a secret is given no token.</summary>
    internal static bool IsApp(ReadOnlySpan<byte> line) => line.IndexOf((byte)':') is > 0 and var colon && colon < line.Length - 1 && !line.ContainsAnyExceptInRange((byte)'!', (byte)'~');

    private static FormatException NoApp(string path) =>
        new($"the first line of {path} is not CLIENT-ID:SECRET of an app; both are at https://{RedditPages.Host}/prefs/apps, for apps of type script or web");
}
