using System.Buffers;
using System.Text;

namespace Trove.Exports.Text;

/// <summary>
/// HTML as plain text, much as <c>innerText</c> gives it (WHATWG HTML, section 3.2.7): blocks begin lines, paragraphs and headings have an empty line
/// around them, white space is one space but for <c>pre</c>, cells are parted by tabs. Items of lists begin with <c>- </c>, indented as they nest.
/// Scripts, styles and the title are left out. Takes token after token, so that a reader can give it a part of a file.
/// </summary>
internal sealed class HtmlText(int longest = RecordRules.Text)
{
    private const int LongestTitle = 1024, MostLinks = 256, DeepestIndent = 16;

    private static readonly SearchValues<char> White = SearchValues.Create(" \t\n\f\r");

    private readonly StringBuilder _text = new(), _title = new();
    private readonly List<string> _links = [];
    private int _breaks, _lists, _preformatted;
    private bool _space, _cell, _item, _first, _titled;

    /// <summary>Was it longer than allowed? The rest was left out.</summary>
    public bool IsCut { get; private set; }

    /// <summary>The first <c>title</c>, on one line; empty when it is longer than 1,024 characters.</summary>
    public string Title => string.Join(' ', _title.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Where links lead, in their order, without repeats and places in the same file; at most 256.</summary>
    public IReadOnlyList<string> Links => _links;

    /// <summary>The text of a piece of HTML, cut after <see cref="RecordRules.Text"/> characters.</summary>
    public static string Of(string html)
    {
        if (!html.AsSpan().ContainsAny('<', '&') && !html.AsSpan().ContainsAny(White))
            return html;
        var text = new HtmlText();
        var reader = new HtmlReader(new StringReader(html));
        while (reader.Read())
            text.Add(reader);
        return text.ToString();
    }

    /// <summary>Takes the token that the reader is at.</summary>
    public void Add(HtmlReader html)
    {
        switch (html.Token)
        {
            case HtmlToken.Text when html.Within == "title":
                if (!_titled && _title.Length + html.Text.Length <= LongestTitle)
                    _title.Append(html.Text);
                break;
            case HtmlToken.Text when html.Within is "" or "textarea" or "xmp":
                if (_preformatted > 0)
                    Preformatted(html.Text);
                else
                    Flow(html.Text);
                break;
            case HtmlToken.Start:
                Start(html.Name);
                if (html.Name == "a" && _links.Count < MostLinks && html.Attribute("href") is { Length: > 0 } link && link[0] != '#' && !_links.Contains(link))
                    _links.Add(link);
                break;
            case HtmlToken.End:
                End(html.Name);
                break;
        }
    }

    /// <summary>The text so far, without white space at its end.</summary>
    public override string ToString()
    {
        int end = _text.Length;
        while (end > 0 && char.IsWhiteSpace(_text[end - 1]))
            end--;
        return _text.ToString(0, end);
    }

    /// <summary>Starts anew.</summary>
    public void Clear()
    {
        _text.Clear();
        _title.Clear();
        _links.Clear();
        (_breaks, _lists, _preformatted) = (0, 0, 0);
        _space = _cell = _item = _first = _titled = IsCut = false;
    }

    private void Start(string name)
    {
        switch (name)
        {
            case "br":
                _breaks = Math.Min(_breaks + 1, 2);
                break;
            case "li":
                Break(1);
                _item = true;
                break;
            case "ul" or "ol":
                Break(1);
                _lists++;
                break;
            case "pre":
                Break(1);
                _preformatted++;
                _first = true;
                break;
            default:
                Break(Breaks(name));
                break;
        }
    }

    private void End(string name)
    {
        switch (name)
        {
            case "title":
                _titled = true;
                break;
            case "td" or "th":
                _cell = true;
                break;
            case "li":
                Break(1);
                _item = false;
                break;
            case "ul" or "ol":
                Break(1);
                _lists = Math.Max(0, _lists - 1);
                _item = false;
                break;
            case "pre":
                Break(1);
                _preformatted = Math.Max(0, _preformatted - 1);
                break;
            default:
                Break(Breaks(name));
                break;
        }
    }

    private static int Breaks(string name) => name switch
    {
        "p" or "h1" or "h2" or "h3" or "h4" or "h5" or "h6" => 2,
        "div" or "tr" or "table" or "body" or "blockquote" or "hr" or "dl" or "dt" or "dd" or "section" or "article" or "header" or "footer" or "main" or "nav" or "aside" or "figure"
            or "figcaption" or "address" or "details" or "summary" or "fieldset" or "form" or "center" or "option" => 1,
        _ => 0,
    };

    private void Break(int count)
    {
        _breaks = Math.Max(_breaks, _item ? Math.Min(count, 1) : count); // a paragraph that begins an item does not part it from the others
        _cell &= count == 0;
    }

    private void Flow(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            int end = text.IndexOfAny(White);
            if (end != 0)
                Put(end < 0 ? text : text[..end]);
            if (end < 0)
                return;
            _space = true;
            int next = text[end..].IndexOfAnyExcept(White);
            text = next < 0 ? [] : text[(end + next)..];
        }
    }

    private void Preformatted(ReadOnlySpan<char> text)
    {
        text = _first && text is ['\n', ..] ? text[1..] : _first && text is ['\r', '\n', ..] ? text[2..] : text;
        _first = false;
        foreach (var piece in text.Split('\r'))
            Put(text[piece]);
    }

    private void Put(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return;
        if (IsCut || _text.Length + text.Length + 2 * DeepestIndent + 4 > longest)
        {
            IsCut = true;
            return;
        }
        if (_text.Length > 0)
        {
            if (_breaks > 0)
                _text.Append('\n', _breaks);
            else if (_cell)
                _text.Append('\t');
            else if (_space)
                _text.Append(' ');
        }
        if (_item)
            _text.Append(' ', 2 * Math.Clamp(_lists - 1, 0, DeepestIndent)).Append("- ");
        _breaks = 0;
        _space = _cell = _item = false;
        _text.Append(text).Replace('\u00A0', ' ', _text.Length - text.Length, text.Length); // as it is copied out of a browser
    }
}
