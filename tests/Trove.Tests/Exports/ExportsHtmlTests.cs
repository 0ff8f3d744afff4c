using System.Text;
using Trove.Exports.Text;

namespace Trove.Tests.Exports;

public class ExportsHtmlTests
{
    [Theory]
    [InlineData("a < b, a <3 b, </3 and <", "T:a < b, a <3 b, </3 and <")]
    [InlineData("x<!-- <p> -- > -->y<!-->z<!--->w", "T:x T:y T:z T:w")]
    [InlineData("<!DOCTYPE html><?xml version='1'?>a<!unknown>b", "T:a T:b")]
    [InlineData("<![CDATA[a <b>&amp;]] c]]>d", "T:a <b>&amp;]] c T:d")]
    [InlineData("<script>if (a < b && c) '</p>'</scripty></SCRIPT >x", "S:script T:if (a < b && c) '</p>'</scripty> E:script T:x")]
    [InlineData("<title>A &amp; <b></title>&eacute;&#x1F600;&#128512;&nosuch;&#xD800;", "S:title T:A & <b> E:title T:\u00e9\U0001F600\U0001F600&nosuch;&#xD800;")]
    [InlineData("<title/>x<BR/>y</P class=z>", "S:title T:x S:br T:y E:p")]
    [InlineData("a<b", "T:a")]
    [InlineData("a<b c='", "T:a")]
    [InlineData("<style>x", "S:style T:x")]
    [InlineData("a<!-- never closed", "T:a")]
    public void Markup_is_cut_as_browsers_cut_it(string html, string tokens)
    {
        var found = new List<string>();
        var reader = Reader(html);
        while (reader.Read())
            found.Add($"{reader.Token.ToString()[0]}:{(reader.Token == HtmlToken.Text ? reader.Text.ToString() : reader.Name)}");
        Assert.Equal(tokens, string.Join(' ', found));
    }

    [Theory]
    [InlineData("<a href=\"x&amp;y\">", "x&y")]
    [InlineData("<a HREF='a \"b\" > c'>", "a \"b\" > c")]
    [InlineData("<a href=b/c?d=e&f>", "b/c?d=e&f")]
    [InlineData("<a\nhref \t=\r\n x id=1>", "x")]
    [InlineData("<a/href=x href=y>", "x")]
    [InlineData("<a href>", "")]
    [InlineData("<a = \" ' href=x>", "x")]
    [InlineData("<a hrefs=x>", "")]
    public void Attributes_with_and_without_quotes(string html, string href)
    {
        var reader = Reader(html);
        Assert.True(reader.Read());
        Assert.Equal(("a", href), (reader.Name, reader.Attribute("href")));
        Assert.False(reader.Read());
    }

    /// <summary>Pictures inside attributes, as bookmarks and Google Docs have them.</summary>
    [Fact]
    public void A_picture_of_megabytes_in_an_attribute_costs_no_memory()
    {
        var html = $"<img alt=a src=\"data:{new string('A', 8 << 20)}\" title='b'>after";
        var reader = Reader(html);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(reader.Read());
        Assert.Equal(("a", "", "b"), (reader.Attribute("alt"), reader.Attribute("src"), reader.Attribute("title")));
        Assert.True(reader.Read());
        Assert.Equal("after", reader.Text.ToString());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void A_value_that_is_too_long_is_left_out_and_not_cut()
    {
        var reader = Reader($"<a href='{new string('x', 16_384)}' title='{new string('y', 16_385)}' rel=z>");
        Assert.True(reader.Read());
        Assert.Equal((16_384, "", "z"), (reader.Attribute("href").Length, reader.Attribute("title"), reader.Attribute("rel")));
    }

    [Fact]
    public void A_tag_of_a_million_attributes_keeps_the_first()
    {
        var reader = Reader($"<a href=x {string.Concat(Enumerable.Repeat("b=c ", 1_000_000))}>y");
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(reader.Read() && reader.Attribute("href") == "x" && reader.Read());
        Assert.Equal("y", reader.Text.ToString());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    /// <summary>Whatever lies across the end of the buffer comes out whole.</summary>
    [Fact]
    public void Every_token_may_lie_across_the_end_of_the_buffer()
    {
        const string rest = "&eacute;\U0001F600<b class=\"c\">&amp;&lt;</b><!-- x --><![CDATA[a]]b]]><script></scrip</script>< 3<br>end";
        for (int before = 16_384 - rest.Length - 2; before <= 16_386; before++)
        {
            var text = new StringBuilder();
            var tags = 0;
            var reader = Reader(new string('x', before) + rest);
            while (reader.Read())
            {
                if (reader.Token == HtmlToken.Text)
                    text.Append(reader.Text);
                else
                    tags++;
            }
            Assert.Equal(new string('x', before) + "\u00e9\U0001F600&<a]]b</scrip< 3end", text.ToString());
            Assert.Equal(5, tags);
        }
    }

    [Theory]
    [InlineData("caf\u00e9", "utf-8", false, "caf\u00e9")]
    [InlineData("caf\u00e9", "utf-16", true, "caf\u00e9")]
    [InlineData("<meta charset=windows-1252>caf\u00e9 \u201cx\u201d", "windows-1252", false, "caf\u00e9 \u201cx\u201d")]
    [InlineData("<META HTTP-EQUIV='Content-Type' CONTENT='text/html; charset=iso-8859-1'>\u20ac", "windows-1252", false, "\u20ac")]
    [InlineData("<meta name=a><meta charset=\"Shift_JIS\">\u6f6e", "shift_jis", false, "\u6f6e")]
    [InlineData("<meta charset=utf-16>caf\u00e9", "utf-8", false, "caf\u00e9")]
    [InlineData("<meta charset=windows-1252>caf\u00e9", "utf-8", true, "caf\u00e9")]
    [InlineData("<meta charset=none-such>caf\u00e9", "utf-8", false, "caf\u00e9")]
    public void The_charset_is_the_byte_order_marks_then_the_metas_then_UTF8(string html, string charset, bool mark, string text)
    {
        var encoding = CodePagesEncodingProvider.Instance.GetEncoding(charset) ?? Encoding.GetEncoding(charset);
        Assert.Equal(text, Text(encoding.GetBytes((mark ? "\uFEFF" : "") + html)).ToString());
    }

    [Theory]
    [InlineData(" a\n\t <b>b</b>c <i> d</i>", "a bc d")]
    [InlineData("<p>One</p>\n<p>Two</p><div>Three</div><div>Four</div>", "One\n\nTwo\n\nThree\nFour")]
    [InlineData("a<br>b<br/><br>c<div>d<br></div>e", "a\nb\n\nc\nd\ne")]
    [InlineData("<div>a</div><div><br></div><div>b</div>", "a\n\nb")]
    [InlineData("<ul><li>a<li>b<ul><li><p>c</p></li></ul></li><li></li></ul>d", "- a\n- b\n  - c\n\nd")]
    [InlineData("x<pre>\n  a\r\n\tb </pre>y  z", "x\n  a\n\tb \ny z")]
    [InlineData("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td> <td>2</td></tr></table>c", "a\tb\n1\t2\nc")]
    [InlineData("<head><title>t</title><style>s</style></head><body>a<script>b()</script>&nbsp; c</body>", "a  c")]
    [InlineData("See <a href='https://example.org/'>the page</a>.", "See the page.")]
    [InlineData("<h1>Title</h1>Text<hr>More<blockquote>Said</blockquote>", "Title\n\nText\nMore\nSaid")]
    [InlineData("</ul></pre></p>a</li>", "a")]
    [InlineData("plain", "plain")]
    public void Text_reads_as_a_person_sees_it(string html, string text) => Assert.Equal(text, HtmlText.Of(html));

    [Fact]
    public void Links_and_the_title_are_kept_apart_from_the_text()
    {
        var text = Text(Encoding.UTF8.GetBytes("<title>My\n &amp; notes</title><svg><title>icon</title></svg><a href=#top>a</a><a href=\"/b?c=1&amp;d\">b</a><a href='/b?c=1&amp;d'>again</a><a>c</a>"));
        Assert.Equal(("My & notes", "abagainc"), (text.Title, text.ToString()));
        Assert.Equal(["/b?c=1&d"], text.Links);
        text.Clear();
        Assert.Equal(("", "", 0), (text.Title, text.ToString(), text.Links.Count));
    }

    [Fact]
    public void A_text_that_is_too_long_is_cut_and_says_so()
    {
        var text = new HtmlText(1000);
        var reader = Reader($"{string.Concat(Enumerable.Repeat("<li>\U0001F600 tide", 60))}{new string('x', 500)} end");
        while (reader.Read())
            text.Add(reader);
        Assert.True(text.IsCut);
        Assert.InRange(text.ToString().Length, 500, 1000);
        Assert.DoesNotContain("end", text.ToString(), StringComparison.Ordinal);
    }

    private static HtmlReader Reader(string html) => new(new StringReader(html));

    private static HtmlText Text(byte[] file)
    {
        var text = new HtmlText();
        var reader = HtmlReader.Open(new MemoryStream(file));
        while (reader.Read())
            text.Add(reader);
        return text;
    }
}
