using System.Text;

namespace Trove.Crypto.Dkim;

/// <summary>
/// A mail as DKIM sees it: its header fields as they stand, and its body (RFC 6376 section 3.4). Lines may end with LF alone, as mail
/// stores write them: signers hash CRLF, so that is what they become.
/// </summary>
public sealed class DkimMessage
{
    /// <summary>Bytes of the header. Stops: a header that is hashed anew for each of its signatures.</summary>
    public const int MaxHeader = 256 << 10;

    /// <summary>Bytes of a mail. Notices of platforms have some dozens of KiB.</summary>
    public const int MaxSize = 8 << 20;

    private const int MaxFields = 1000;

    private DkimMessage(IReadOnlyList<DkimField> fields, byte[] body) => (Fields, Body) = (fields, body);

    /// <summary>From the top down.</summary>
    public IReadOnlyList<DkimField> Fields { get; }

    /// <summary>What stands behind the empty line, every line ended by CRLF.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>Takes a mail apart; null when it has no header, or one that breaks a limit.</summary>
    public static DkimMessage? Read(ReadOnlySpan<byte> mail)
    {
        if (mail.Length > MaxSize)
            return null;
        var fields = new List<DkimField>();
        var field = new StringBuilder(); // Latin-1: a byte a character
        var rest = mail;
        bool ended = false;
        while (!rest.IsEmpty && !ended)
        {
            var line = Line(ref rest);
            if (mail.Length - rest.Length > MaxHeader)
                return null;
            ended = line.IsEmpty;
            bool isFolded = !ended && line[0] is (byte)' ' or (byte)'\t';
            if (isFolded && field.Length == 0)
                return null;
            if (!isFolded && field.Length > 0)
            {
                if (DkimField.Of(field.ToString()) is not { } whole || fields.Count == MaxFields)
                    return null;
                fields.Add(whole);
                field.Clear();
            }
            if (!ended)
                field.Append(Encoding.Latin1.GetString(line)).Append("\r\n");
        }
        if (field.Length > 0)
        {
            if (DkimField.Of(field.ToString()) is not { } last || fields.Count == MaxFields)
                return null;
            fields.Add(last);
        }
        return fields.Count == 0 ? null : new DkimMessage(fields, WithCrlf(rest));
    }

    /// <summary>The values of the fields of a name, from the top down, unfolded.</summary>
    public IEnumerable<string> Values(string name) => Fields.Where(field => field.Is(name)).Select(field => field.Value.Replace("\r\n", "", StringComparison.Ordinal).Trim());

    private static ReadOnlySpan<byte> Line(ref ReadOnlySpan<byte> rest)
    {
        int end = rest.IndexOf((byte)'\n');
        var line = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[(end + 1)..];
        return line is [.., (byte)'\r'] ? line[..^1] : line;
    }

    private static byte[] WithCrlf(ReadOnlySpan<byte> body)
    {
        var bytes = new byte[body.Length + body.Count((byte)'\n')];
        int length = 0;
        foreach (byte b in body)
        {
            if (b == '\n' && (length == 0 || bytes[length - 1] != '\r'))
                bytes[length++] = (byte)'\r';
            bytes[length++] = b;
        }
        return bytes[..length];
    }
}

/// <summary>One header field.</summary>
/// <param name="Name">As it stands before the colon.</param>
/// <param name="Value">All behind the colon with the CRLFs of its folding and its end; a character for each byte.</param>
public sealed record DkimField(string Name, string Value)
{
    /// <summary>Is it of this name? Case and white space before the colon do not matter.</summary>
    public bool Is(string name) => Name.AsSpan().TrimEnd(" \t").Equals(name, StringComparison.OrdinalIgnoreCase);

    /// <summary>The field without the value's text, which is a person's.</summary>
    public override string ToString() => $"field {Name}";

    // A name is printable ASCII without a colon (RFC 5322 section 2.2).
    internal static DkimField? Of(string field)
    {
        int colon = field.IndexOf(':');
        return colon > 0 && !field.AsSpan(0, colon).TrimEnd(" \t").ContainsAnyExceptInRange('!', '~') && field[0] > ' ' ? new DkimField(field[..colon], field[(colon + 1)..]) : null;
    }
}
