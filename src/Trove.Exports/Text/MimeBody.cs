using System.Runtime.InteropServices;
using System.Text;

namespace Trove.Exports.Text;

/// <summary>
/// The words of a mail and the names of what is attached to it (RFC 2045, 2046). Only parts of text are decoded; pictures and files are passed
/// over by a search for the boundary after them. Of alternatives the plain text counts.
/// </summary>
internal sealed class MimeBody
{
    /// <summary>Deeper parts are not looked at. Stops: mails within mails without end.</summary>
    private const int MostDepth = 12;

    /// <summary>Further parts of one mail are not looked at. Stops: a mail of empty parts.</summary>
    private const int MostParts = 1000;

    private readonly List<string> _texts = [];
    private readonly List<string> _attachments = [];
    private readonly bool _unquote;
    private int _parts;

    private MimeBody(bool unquote) => _unquote = unquote;

    /// <summary>The parts of text, a blank line between two.</summary>
    public string Text => _texts.Count == 1 ? _texts[0] : string.Join("\n\n", _texts);

    /// <summary>Names of the files attached; the type of one without a name.</summary>
    public IReadOnlyList<string> Attachments => _attachments;

    /// <summary>A part named a charset that nobody knows, and was read as Latin-1.</summary>
    public bool HasUnknownCharset { get; private set; }

    /// <summary>A part of text was damaged, and what of it could be read was.</summary>
    public bool IsDamaged { get; private set; }

    /// <summary>Parts were not looked at, for they nest too deep or are too many.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Reads the body below a header.</summary>
    /// <param name="header">Of the mail.</param>
    /// <param name="unquote">Does one <c>&gt;</c> go from lines as <c>&gt;From </c> and <c>&gt;&gt;From </c>, which mboxrd put there?</param>
    public static MimeBody Read(in MimeHeader header, bool unquote)
    {
        var body = new MimeBody(unquote);
        body.Visit(header, 0, wantsText: true);
        return body;
    }

    /// <returns>Was there text in it?</returns>
    private bool Visit(in MimeHeader header, int depth, bool wantsText)
    {
        if (depth > MostDepth || ++_parts > MostParts)
        {
            IsCut = true;
            return false;
        }
        var type = MimeParameters.Parse(header.ContentType);
        var boundary = type.Raw("boundary");
        if (boundary.IsEmpty && type.Text("boundary") is { Length: > 0 } extended)
            boundary = Encoding.Latin1.GetBytes(extended); // written as RFC 2231 does, which some do without need
        if (type.Value.StartsWith("multipart/", StringComparison.Ordinal) && !boundary.IsEmpty)
        {
            if (type.Value == "multipart/alternative" && wantsText)
                return VisitAlternatives(header.Body, boundary, depth);
            bool any = false;
            var parts = new Parts(header.Body, boundary);
            while (parts.Next() && _parts <= MostParts)
                any |= Visit(MimeHeader.Read(parts.Current), depth + 1, wantsText);
            return any;
        }
        var disposition = MimeParameters.Parse(header.Disposition);
        var name = disposition.Text("filename") is { Length: > 0 } given ? given : type.Text("name");
        bool isText = type.Value is "" or "text" or "text/plain" or "text/html" && disposition.Value != "attachment" && name.Length == 0;
        if (isText && wantsText)
            return AddText(header, type);
        if (!isText)
            _attachments.Add(name.Length > 0 ? name : type.Value);
        return false;
    }

    // The plain text, else what is made of other parts, else the page; whatever is attached to any of them is listed.
    private bool VisitAlternatives(ReadOnlySpan<byte> content, ReadOnlySpan<byte> boundary, int depth)
    {
        bool done = false;
        for (int rank = 0; rank < 3; rank++)
        {
            var parts = new Parts(content, boundary);
            while (parts.Next() && _parts <= MostParts)
            {
                var part = MimeHeader.Read(parts.Current);
                var value = MimeParameters.Parse(part.ContentType).Value;
                int ofPart = value is "" or "text/plain" ? 0 : value == "text/html" ? 2 : 1;
                if (ofPart == rank)
                    done |= Visit(part, depth + 1, wantsText: !done);
            }
        }
        return done;
    }

    private bool AddText(in MimeHeader header, MimeParameters type)
    {
        var raw = _unquote && header.Body.IndexOf(">From "u8) >= 0 ? Unquoted(header.Body) : header.Body;
        var bytes = MimeEncoding.Decode(raw, header.TransferEncoding, out bool isWhole);
        IsDamaged |= !isWhole;
        var text = MimeCharset.Decode(bytes, type.Text("charset"), out bool isKnown);
        HasUnknownCharset |= !isKnown;
        if (text.Contains('\r'))
            text = text.ReplaceLineEndings("\n");
        if (type.Value == "text/html")
            text = MimeHtml.Text(text);
        else if (type.Text("format").Equals("flowed", StringComparison.OrdinalIgnoreCase))
            text = Joined(text, type.Text("delsp").Equals("yes", StringComparison.OrdinalIgnoreCase));
        if (text.AsSpan().Trim().IsEmpty)
            return false;
        _texts.Add(text);
        return true;
    }

    private static byte[] Unquoted(ReadOnlySpan<byte> text)
    {
        var bytes = new List<byte>(text.Length);
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)'\n') is >= 0 and var at ? at + 1 : text.Length;
            int marks = text.IndexOfAnyExcept((byte)'>') is >= 0 and var first ? first : 0;
            bytes.AddRange(text[(marks > 0 && text[marks..].StartsWith("From "u8) ? 1 : 0)..end]);
            text = text[end..];
        }
        return CollectionsMarshal.AsSpan(bytes).ToArray();
    }

    /// <summary>Lines that end with a blank go on with the next, if both are quoted equally deep (RFC 3676 section 4).</summary>
    private static string Joined(string text, bool deletesSpace)
    {
        var joined = new StringBuilder(text.Length);
        int open = -1; // how deep the line is quoted that goes on
        foreach (var range in text.AsSpan().Split('\n'))
        {
            var line = text.AsSpan()[range];
            int depth = line.IndexOfAnyExcept('>') is >= 0 and var marks ? marks : line.Length;
            var content = line[depth..];
            bool stuffed = content is [' ', ..];
            bool isSignature = content is "-- " or " -- ";
            if (joined.Length > 0 || open >= 0)
                joined.Append(open == depth && !isSignature ? "" : "\n");
            if (open != depth || isSignature)
                joined.Append('>', depth).Append(depth > 0 ? " " : "");
            content = stuffed ? content[1..] : content;
            bool goesOn = !isSignature && content is [.., ' '];
            joined.Append(goesOn && deletesSpace ? content[..^1] : content);
            open = goesOn ? depth : -1;
        }
        return joined.ToString();
    }

    /// <summary>The parts between boundaries (RFC 2046 section 5.1.1).</summary>
    private ref struct Parts
    {
        private readonly ReadOnlySpan<byte> _delimiter;
        private ReadOnlySpan<byte> _rest;
        private bool _ended;

        public Parts(ReadOnlySpan<byte> content, ReadOnlySpan<byte> boundary)
        {
            _delimiter = (byte[])[(byte)'-', (byte)'-', .. boundary];
            _rest = content;
            Find(out _); // what stands before the first is for programs without MIME
        }

        public ReadOnlySpan<byte> Current { get; private set; }

        public bool Next()
        {
            if (_ended)
                return false;
            Find(out var part);
            Current = part;
            return true;
        }

        // A part without end is the last.
        private void Find(out ReadOnlySpan<byte> before)
        {
            int from = 0;
            while (true)
            {
                int at = _rest[from..].IndexOf(_delimiter);
                if (at < 0)
                {
                    before = _rest;
                    _rest = [];
                    _ended = true;
                    return;
                }
                at += from;
                from = at + _delimiter.Length;
                if (at > 0 && _rest[at - 1] != '\n')
                    continue; // before any look for the line's end, which would make the work quadratic
                var after = _rest[from..];
                bool isLast = after.StartsWith("--"u8);
                var line = after.IndexOf((byte)'\n') is >= 0 and var end ? after[..end] : after;
                if (!isLast && line.IndexOfAnyExcept(" \t\r"u8) >= 0)
                    continue;
                before = _rest[..at];
                before = before is [.., (byte)'\r', (byte)'\n'] ? before[..^2] : before is [.., (byte)'\n'] ? before[..^1] : before;
                _rest = after[Math.Min(line.Length + 1, after.Length)..];
                _ended = isLast;
                return;
            }
        }
    }
}
