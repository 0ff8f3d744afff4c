using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>The textual header of an age file (c2sp.org/age, "Header"): version line, stanzas, MAC.</summary>
internal sealed class AgeHeader
{
    /// <summary>Longest header read: stops an endless header from filling memory. Post-quantum stanzas of others take 1.6 KB.</summary>
    public const int MaxSize = 256 * 1024;

    /// <summary>Most stanzas read: each costs a scalar multiplication per identity before anything is authenticated.</summary>
    public const int MaxStanzas = 128;

    private const int Columns = 64;
    private readonly byte[] _bytes;
    private readonly int _macStart; // length of what the MAC covers: through "---"
    private readonly byte[] _mac;

    private AgeHeader(byte[] bytes, int macStart, byte[] mac, IReadOnlyList<AgeStanza> stanzas) =>
        (_bytes, _macStart, _mac, Stanzas) = (bytes, macStart, mac, stanzas);

    public IReadOnlyList<AgeStanza> Stanzas { get; }

    /// <summary>All bytes through the newline after the MAC.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>SHA-256 of <see cref="Bytes"/>.</summary>
    public Hash32 Hash => new(SHA256.HashData(_bytes));

    /// <exception cref="AgeException"><see cref="AgeFailure.Mac"/>.</exception>
    public void CheckMac(SecretBytes fileKey)
    {
        if (!CryptographicOperations.FixedTimeEquals(FileKey.Mac(fileKey.Span, _bytes.AsSpan(0, _macStart)), _mac))
            throw new AgeException(AgeFailure.Mac, "the header of the age file was changed after it was written; get the file again from its source");
    }

    public static AgeHeader Create(IReadOnlyList<AgeStanza> stanzas, SecretBytes fileKey)
    {
        var text = new StringBuilder("age-encryption.org/v1\n");
        foreach (var stanza in stanzas)
        {
            text.Append("-> ").AppendJoin(' ', stanza.Arguments).Append('\n');
            string body = Base64Strict.Encode(stanza.Body.Span);
            for (int i = 0; i < body.Length - body.Length % Columns; i += Columns)
                text.Append(body, i, Columns).Append('\n');
            text.Append(body, body.Length - body.Length % Columns, body.Length % Columns).Append('\n'); // the short last line may be empty
        }
        text.Append("---");
        var covered = Encoding.ASCII.GetBytes(text.ToString());
        var mac = FileKey.Mac(fileKey.Span, covered);
        byte[] bytes = [.. covered, .. Encoding.ASCII.GetBytes($" {Base64Strict.Encode(mac)}\n")];
        return new AgeHeader(bytes, covered.Length, mac, stanzas);
    }

    /// <summary>Reads through the newline after the MAC and leaves the rest in the source.</summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.Header"/>.</exception>
    public static async ValueTask<AgeHeader> Read(ByteSource source, bool async, CancellationToken cancel)
    {
        var buffer = new byte[1024];
        for (int length = 0, searched = 0; ;)
        {
            int end = FindEnd(buffer.AsSpan(0, length), ref searched);
            if (end > 0)
            {
                source.Unread(buffer.AsSpan(end, length - end));
                return Parse(buffer[..end]);
            }
            if (length == MaxSize)
                throw Bad(buffer, $"is longer than {MaxSize} bytes");
            if (length == buffer.Length)
                Array.Resize(ref buffer, Math.Min(2 * length, MaxSize));
            int read = await source.Read(buffer.AsMemory(length), async, cancel).ConfigureAwait(false);
            if (read == 0)
                throw Bad(buffer.AsSpan(0, length), "ends before its MAC; the file is truncated");
            length += read;
        }
    }

    private static AgeException Bad(ReadOnlySpan<byte> start, string what) => start.StartsWith("age-encryption.org/"u8)
        ? new AgeException(AgeFailure.Header, $"the age header {what}")
        : new AgeException(AgeFailure.Header, "this is not an age file: it does not start with age-encryption.org/v1");

    // The position after the newline of the first line that starts with "---", or 0. `searched` spares reading twice.
    private static int FindEnd(ReadOnlySpan<byte> bytes, ref int searched)
    {
        int mark = bytes[searched..].IndexOf("\n---"u8);
        if (mark < 0)
        {
            searched = Math.Max(0, bytes.Length - 3);
            return 0;
        }
        searched += mark;
        int newline = bytes[(searched + 1)..].IndexOf((byte)'\n');
        return newline < 0 ? 0 : searched + 1 + newline + 1;
    }

    private static AgeHeader Parse(byte[] bytes)
    {
        int at = 0;
        var version = NextLine(bytes, ref at);
        if (!version.SequenceEqual("age-encryption.org/v1"u8))
            throw Bad(bytes, "is of a version other than v1");
        var stanzas = new List<AgeStanza>();
        while (true)
        {
            int start = at;
            var line = NextLine(bytes, ref at);
            if (line.StartsWith("-> "u8))
            {
                if (stanzas.Count == MaxStanzas)
                    throw Bad(bytes, $"has more than {MaxStanzas} stanzas");
                stanzas.Add(ParseStanza(bytes, line[3..], ref at));
                continue;
            }
            if (!line.StartsWith("--- "u8) || Base64Strict.TryDecode(line[4..]) is not { Length: 32 } mac)
                throw Bad(bytes, $"has a line at byte {start} that is neither a stanza nor a MAC");
            if (stanzas.Count == 0)
                throw Bad(bytes, "has no stanza");
            // Only so can who knows the passphrase rely on the sender having known it ("The scrypt recipient type").
            if (stanzas.Count > 1 && stanzas.Any(s => s.Type == ScryptRecipient.StanzaType))
                throw Bad(bytes, "mixes a passphrase with other recipients");
            return new AgeHeader(bytes, start + 3, mac, stanzas);
        }
    }

    private static AgeStanza ParseStanza(byte[] bytes, ReadOnlySpan<byte> argumentLine, ref int at)
    {
        var arguments = Encoding.Latin1.GetString(argumentLine).Split(' ');
        if (arguments.Any(a => a.Length == 0 || a.AsSpan().ContainsAnyExceptInRange('!', '~')))
            throw Bad(bytes, "has a stanza with an empty or unprintable argument");
        var text = new List<byte>(Columns);
        while (true)
        {
            var line = NextLine(bytes, ref at);
            if (line.Length > Columns)
                throw Bad(bytes, $"has a stanza line of more than {Columns} characters");
            text.AddRange(line);
            if (line.Length < Columns)
                break;
        }
        var body = Base64Strict.TryDecode(CollectionsMarshal.AsSpan(text)) ?? throw Bad(bytes, "has a stanza body that is not canonical base64");
        return new AgeStanza(arguments, body);
    }

    private static ReadOnlySpan<byte> NextLine(byte[] bytes, ref int at)
    {
        var rest = bytes.AsSpan(at);
        int newline = rest.IndexOf((byte)'\n');
        if (newline < 0)
            throw Bad(bytes, "ends inside a stanza");
        at += newline + 1;
        return rest[..newline];
    }
}
