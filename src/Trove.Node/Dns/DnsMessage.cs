using System.Buffers.Binary;
using System.Text;
using Trove.Crypto.Dkim;

namespace Trove.Node.Dns;

/// <summary>A question for TXT records and the answer to it (RFC 1035 section 4). Every byte of an answer is hostile.</summary>
internal static class DnsMessage
{
    /// <summary>Bytes of an answer over UDP that are asked for (RFC 6891 section 6.2.5) without being cut apart on the way.</summary>
    public const int UdpSize = 1232;

    private const int HeaderSize = 12, LongestName = 255, MostRecords = 64, MostTexts = 16, LongestText = 8192, MostJumps = 64;
    private const ushort TypeCname = 5, TypeTxt = 16, TypeOpt = 41, ClassIn = 1;

    /// <summary>The question for a name.</summary>
    /// <exception cref="ArgumentException">It is no name: labels of 1 to 63 ASCII characters, 253 in all.</exception>
    public static byte[] Ask(ushort id, string name)
    {
        if (name.Length is 0 or > 253 || name.Any(c => c is <= ' ' or > '~') || name.Split('.').Any(label => label.Length is 0 or > 63))
            throw new ArgumentException($"'{name}' is no name of the DNS");
        var message = new MemoryStream();
        Write16(message, id);
        Write16(message, 0x0100); // recursion desired
        Write16(message, 1);
        Write16(message, 0);
        Write16(message, 0);
        Write16(message, 1);
        foreach (var label in name.Split('.'))
        {
            message.WriteByte((byte)label.Length);
            message.Write(Encoding.ASCII.GetBytes(label));
        }
        message.WriteByte(0);
        Write16(message, TypeTxt);
        Write16(message, ClassIn);
        message.WriteByte(0); // the root, which an OPT record belongs to
        Write16(message, TypeOpt);
        Write16(message, UdpSize);
        message.Write(new byte[6]); // extended code, version and flags; no options
        return message.ToArray();
    }

    /// <summary>
    /// Reads the answer to a question.
    /// </summary>
    /// <param name="question">As it was asked.</param>
    /// <param name="answer">From whoever answered.</param>
    /// <param name="truncated">Is there more, over TCP?</param>
    /// <returns>Null when it is no answer to this question, or cannot be read.</returns>
    public static TxtAnswer? Read(ReadOnlySpan<byte> question, ReadOnlySpan<byte> answer, out bool truncated)
    {
        truncated = false;
        if (answer.Length < HeaderSize || !answer[..2].SequenceEqual(question[..2]))
            return null;
        ushort flags = Read16(answer, 2);
        int asked = question.Length - 11; // without the OPT record
        bool isAnswer = (flags & 0xF800) == 0x8000 && Read16(answer, 4) == 1 && answer.Length >= asked
            && Encoding.ASCII.GetString(answer[HeaderSize..asked]).Equals(Encoding.ASCII.GetString(question[HeaderSize..asked]), StringComparison.OrdinalIgnoreCase);
        if (!isAnswer)
            return null;
        truncated = (flags & 0x0200) != 0;
        int code = flags & 15;
        if (code == 3)
            return new TxtAnswer([], Failed: false); // the name does not exist
        if (code != 0)
            return new TxtAnswer([], Failed: true);
        int at = HeaderSize, count = Read16(answer, 6);
        if (count > MostRecords || ReadName(answer, ref at) is not { } name)
            return null;
        at += 4;
        var texts = new List<string>();
        for (int i = 0; i < count; i++)
        {
            if (ReadName(answer, ref at) is not { } owner || at + 10 > answer.Length)
                return truncated ? new TxtAnswer([], Failed: true) : null;
            ushort type = Read16(answer, at), @class = Read16(answer, at + 2);
            int length = Read16(answer, at + 8), end = at + 10 + length;
            at += 10;
            if (end > answer.Length)
                return truncated ? new TxtAnswer([], Failed: true) : null;
            if (@class == ClassIn && owner == name && type == TypeCname && ReadName(answer, ref at) is { } canonical)
                name = canonical; // the records below are of the name that it stands for
            else if (@class == ClassIn && owner == name && type == TypeTxt && texts.Count < MostTexts)
                texts.Add(Joined(answer[at..end]));
            at = end;
        }
        return new TxtAnswer(texts, Failed: false);
    }

    // Strings of at most 255 bytes, one after the other; a key is longer than one (RFC 6376 section 3.6.2.2).
    private static string Joined(ReadOnlySpan<byte> data)
    {
        var text = new StringBuilder();
        while (!data.IsEmpty && text.Length < LongestText)
        {
            int length = Math.Min(data[0], data.Length - 1);
            text.Append(Encoding.Latin1.GetString(data.Slice(1, length)));
            data = data[(1 + length)..];
        }
        return text.ToString();
    }

    // In lower case with dots; null when it is none. Pointers lead backwards only (section 4.1.4).
    private static string? ReadName(ReadOnlySpan<byte> message, ref int at)
    {
        var name = new StringBuilder();
        int here = at, jumps = 0;
        bool jumped = false;
        while (here < message.Length)
        {
            int length = message[here];
            if (length == 0)
            {
                at = jumped ? at : here + 1;
                return name.ToString();
            }
            if ((length & 0xC0) == 0xC0)
            {
                if (here + 1 >= message.Length || ++jumps > MostJumps)
                    return null;
                int target = (length & 0x3F) << 8 | message[here + 1];
                if (target >= here)
                    return null;
                if (!jumped)
                    at = here + 2;
                jumped = true;
                here = target;
                continue;
            }
            if (length > 63 || here + 1 + length > message.Length || name.Length + length + 1 > LongestName)
                return null;
            name.Append(name.Length > 0 ? "." : "").Append(Encoding.Latin1.GetString(message.Slice(here + 1, length)).ToLowerInvariant());
            here += 1 + length;
        }
        return null;
    }

    private static ushort Read16(ReadOnlySpan<byte> message, int at) => BinaryPrimitives.ReadUInt16BigEndian(message[at..]);

    private static void Write16(MemoryStream message, ushort value)
    {
        message.WriteByte((byte)(value >> 8));
        message.WriteByte((byte)(value & 0xFF));
    }
}
