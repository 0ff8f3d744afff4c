using System.Text;

namespace Trove.Exports.Text;

/// <summary>
/// A value with parameters, <c>text/plain; charset="utf-8"; name*0*=UTF-8''caf%C3; name*1*=%A9</c> (RFC 2045 section 5.1; RFC 2231 sections 3
/// and 4: charset, percent-escapes and continuations).
/// </summary>
internal sealed class MimeParameters
{
    private const int Longest = 1 << 14, MostParameters = 64, MostPieces = 64;

    private readonly List<(string Name, byte[] Value)> _parameters = [];

    private MimeParameters(string value) => Value = value;

    /// <summary>Before the first semicolon, in lower case.</summary>
    public string Value { get; }

    /// <summary>Reads a header's value; what cannot be understood is passed over.</summary>
    public static MimeParameters Parse(ReadOnlySpan<byte> header)
    {
        header = header[..Math.Min(header.Length, Longest)];
        int semicolon = header.IndexOf((byte)';');
        var parameters = new MimeParameters(Encoding.Latin1.GetString((semicolon < 0 ? header : header[..semicolon]).Trim(" \t\r\n"u8)).ToLowerInvariant());
        var rest = semicolon < 0 ? [] : header[(semicolon + 1)..];
        while (!rest.IsEmpty && parameters._parameters.Count < MostParameters)
        {
            int equals = rest.IndexOfAny((byte)'=', (byte)';');
            if (equals < 0)
                break;
            var name = Encoding.Latin1.GetString(rest[..equals].Trim(" \t\r\n"u8)).ToLowerInvariant();
            bool has = rest[equals] == '=';
            rest = rest[(equals + 1)..];
            if (!has)
                continue;
            parameters._parameters.Add((name, TakeValue(ref rest)));
        }
        return parameters;
    }

    /// <summary>A parameter's raw bytes, as they are compared (a boundary); empty when there is none.</summary>
    public ReadOnlySpan<byte> Raw(string name) => _parameters.Find(parameter => parameter.Name == name).Value;

    /// <summary>A parameter's text; empty when there is none.</summary>
    public string Text(string name)
    {
        if (Find(name) is { } plain)
            return MimeWords.Decode(plain); // not by the book, and many do it
        if (Find(name + "*") is { } single)
            return Extended([(single, true)]);
        var pieces = new List<(byte[] Bytes, bool IsEscaped)>();
        while (pieces.Count < MostPieces)
        {
            if (Find($"{name}*{pieces.Count}") is { } piece)
                pieces.Add((piece, false));
            else if (Find($"{name}*{pieces.Count}*") is { } escaped)
                pieces.Add((escaped, true));
            else
                break;
        }
        return pieces.Count == 0 ? "" : Extended(pieces);
    }

    private byte[]? Find(string name) => _parameters.Find(parameter => parameter.Name == name).Value;

    private static byte[] TakeValue(ref ReadOnlySpan<byte> rest)
    {
        rest = rest.TrimStart(" \t\r\n"u8);
        if (rest is not [(byte)'"', ..])
        {
            int end = rest.IndexOf((byte)';');
            var token = end < 0 ? rest : rest[..end];
            rest = end < 0 ? [] : rest[(end + 1)..];
            return token.Trim(" \t\r\n"u8).ToArray();
        }
        var value = new List<byte>();
        int at = 1;
        for (; at < rest.Length && rest[at] != '"'; at++)
        {
            if (rest[at] == '\\' && at + 1 < rest.Length)
                at++;
            if (rest[at] is not ((byte)'\r' or (byte)'\n'))
                value.Add(rest[at]);
        }
        int next = at < rest.Length ? rest[at..].IndexOf((byte)';') : -1;
        rest = next < 0 ? [] : rest[(at + next + 1)..];
        return [.. value];
    }

    private static string Extended(List<(byte[] Bytes, bool IsEscaped)> pieces)
    {
        var bytes = new List<byte>();
        var charset = "";
        for (int i = 0; i < pieces.Count; i++)
        {
            ReadOnlySpan<byte> piece = pieces[i].Bytes;
            if (!pieces[i].IsEscaped)
            {
                bytes.AddRange(piece);
                continue;
            }
            if (i == 0 && piece.IndexOf((byte)'\'') is >= 0 and var first && piece[(first + 1)..].IndexOf((byte)'\'') is >= 0 and var second)
            {
                charset = Encoding.Latin1.GetString(piece[..first]);
                piece = piece[(first + second + 2)..];
            }
            for (int at = 0; at < piece.Length; at++)
            {
                bool isEscape = piece[at] == '%' && at + 2 < piece.Length && MimeEncoding.Hex(piece[at + 1]) >= 0 && MimeEncoding.Hex(piece[at + 2]) >= 0;
                bytes.Add(isEscape ? (byte)(MimeEncoding.Hex(piece[at + 1]) << 4 | MimeEncoding.Hex(piece[at + 2])) : piece[at]);
                at += isEscape ? 2 : 0;
            }
        }
        return MimeCharset.Decode([.. bytes], charset, out _);
    }
}
