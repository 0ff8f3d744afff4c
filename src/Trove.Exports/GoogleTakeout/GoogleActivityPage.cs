using System.Text;
using Trove.Exports.Text;

namespace Trove.Exports.GoogleTakeout;

/// <summary>
/// Activities as a page, <c>MyActivity.html</c> or <c>watch-history.html</c>, told by its classes:
/// <code>
/// &lt;div class="outer-cell …"&gt;&lt;div class="header-cell …"&gt;&lt;p class="…title"&gt;YouTube&lt;br&gt;&lt;/p&gt;&lt;/div&gt;
/// &lt;div class="content-cell … body-1"&gt;Watched &lt;a href="https://…"&gt;Tide&lt;/a&gt;&lt;br&gt;&lt;a href="…"&gt;Channel&lt;/a&gt;&lt;br&gt;Feb 10, 2020, 10:12:47 PM UTC&lt;br&gt;&lt;/div&gt;
/// </code>
/// </summary>
internal sealed class GoogleActivityPage(Stream stream)
{
    private const int MostLines = 32, LongestLine = 65_536;

    private readonly HtmlReader _html = HtmlReader.Open(stream);
    private readonly List<string> _lines = [];
    private readonly StringBuilder _line = new(), _product = new();
    private readonly HtmlText _answer = new();
    private string _url = "", _date = "";
    private long? _time;
    private bool _begun;
    private int _depth, _within; // of open div elements, and at which of them the content began
    private Cell _cell;

    private enum Cell { None, Product, Content }

    /// <summary>The next activity; null at the end.</summary>
    public GoogleActivity? Next()
    {
        while (_html.Read())
        {
            bool isDiv = _html is { Token: not HtmlToken.Text, Name: "div" };
            if (isDiv && _html.Token == HtmlToken.Start)
            {
                _depth++;
                var done = Enter(_html.Attribute("class"));
                if (done is not null)
                    return done;
            }
            else if (isDiv)
            {
                if (_cell != Cell.None && _depth == _within)
                    Leave();
                _depth = Math.Max(0, _depth - 1);
            }
            else if (_cell != Cell.None)
            {
                Add();
            }
        }
        var last = Take();
        _begun = false;
        return last;
    }

    private GoogleActivity? Enter(string classes)
    {
        if (classes.StartsWith("outer-cell", StringComparison.Ordinal))
        {
            var done = Take();
            _begun = true;
            return done;
        }
        if (!_begun || _cell != Cell.None)
            return null;
        bool isContent = classes.StartsWith("content-cell", StringComparison.Ordinal) && _lines.Count == 0
            && !classes.Contains("text-right", StringComparison.Ordinal) && !classes.Contains("caption", StringComparison.Ordinal);
        _cell = isContent ? Cell.Content : classes.StartsWith("header-cell", StringComparison.Ordinal) ? Cell.Product : Cell.None;
        _within = _depth;
        return null;
    }

    private void Leave()
    {
        EndLine();
        _cell = Cell.None;
    }

    private void Add()
    {
        if (_cell == Cell.Product)
        {
            if (_html.Token == HtmlToken.Text && _product.Length + _html.Text.Length <= RecordRules.MetaValue)
                _product.Append(_html.Text);
            return;
        }
        if (_time is not null)
        {
            _answer.Add(_html); // an assistant's, behind the date
            return;
        }
        if (_html.Token == HtmlToken.Text && _line.Length + _html.Text.Length <= LongestLine)
            _line.Append(_html.Text);
        else if (_html is { Token: HtmlToken.Start, Name: "br" or "p" })
            EndLine();
        else if (_html is { Token: HtmlToken.Start, Name: "a" } && _lines.Count == 0 && _url.Length == 0)
            _url = _html.Attribute("href");
    }

    private void EndLine()
    {
        var line = GoogleDates.OneSpace(_line.ToString());
        _line.Clear();
        if (line.Length == 0 || _cell != Cell.Content)
            return;
        if (_lines.Count > 0 && GoogleDates.Parse(line) is { } time)
            _time = time;
        else if (_lines.Count < MostLines)
            _lines.Add(line);
    }

    private GoogleActivity? Take()
    {
        if (_cell != Cell.None)
            Leave();
        GoogleActivity? activity = null;
        if (_begun && _lines.Count > 0)
        {
            if (_time is null && _lines.Count > 1 && _lines[^1].Any(char.IsAsciiDigit) && _lines[^1].Contains(':'))
            {
                _date = _lines[^1];
                _lines.RemoveAt(_lines.Count - 1);
            }
            activity = new GoogleActivity
            {
                Product = GoogleDates.OneSpace(_product.ToString()),
                Title = _lines[0],
                Url = _url,
                Time = _time,
                Date = _date,
                Below = Metadata.List(_lines.Skip(1), '\n'),
                Answer = _answer.ToString(),
            };
        }
        _lines.Clear();
        _product.Clear();
        _answer.Clear();
        (_url, _date, _time) = ("", "", null);
        return activity;
    }
}

/// <summary>Dates as Google writes them on pages, in the member's language and zone.</summary>
internal static class GoogleDates
{
    private static readonly string[] Forms =
        ["MMM d, yyyy, h:mm:ss tt", "MMMM d, yyyy, h:mm:ss tt", "MMM d, yyyy, HH:mm:ss", "d MMM yyyy, HH:mm:ss", "d MMM yyyy, h:mm:ss tt", "d MMMM yyyy, HH:mm:ss", "d.M.yyyy, HH:mm:ss", "yyyy-MM-dd HH:mm:ss"];

    /// <summary>English, or numbers in an order that cannot be mistaken, and a zone that is known; null for everything else.</summary>
    public static long? Parse(string line)
    {
        int space = line.LastIndexOf(' ');
        if (space < 16 || line.Length > 48 || Minutes(line[(space + 1)..]) is not { } minutes)
            return null;
        return Times.Exactly(line[..space].Replace("Sept ", "Sep ", StringComparison.Ordinal), Forms) is { } time ? Times.FromUnixMilliseconds(time - 60_000L * minutes) : null;
    }

    /// <summary>With plain spaces, one at a time: since 2023 a narrow one stands before AM and PM.</summary>
    public static string OneSpace(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static int? Minutes(string zone) => zone switch
    {
        "MEZ" or "CET" => 60,
        "MESZ" or "CEST" => 120,
        ['G', 'M', 'T', '+' or '-', _, _, ':', _, _] => MimeDate.Zone(zone[3..6] + zone[7..]),
        _ => MimeDate.Zone(zone),
    };
}
