using System.Text;
using Trove.Models.Generation;
using Trove.Models.Tokenization;
using Trove.Tests.Models.Tokenization;

namespace Trove.Tests.Models.Generation;

public class TextStreamTests
{
    private static readonly Tokenizer Bytes = TokenizerVectors.Tokenizer("GPT-2");

    // Byte by byte, so that every character and every stop text lies across tokens.
    private static int[] Tokens(string text) => [.. Encoding.UTF8.GetBytes(text).Select(b => Bytes.Tokens.Id([b]))];

    [Theory]
    [InlineData("to be or not", "to be or not")]
    [InlineData("to be or not", "to be ", "or")]
    [InlineData("aab", "a", "ab")]
    [InlineData("aaab", "", "aaa")]
    [InlineData("xaxb", "xaxb", "xay")]
    [InlineData("漢字😀 end", "漢字", "😀")]
    [InlineData("漢字😀 end", "漢", "字😀 x", "字")]
    [InlineData("abcd", "ab", "cde", "cd")]
    [InlineData("abcd", "a", "bcd", "bc")]
    [InlineData("half a st", "half a st", "stop")]
    public void Stop_texts_end_it_and_are_not_shown(string text, string expected, params string[] stops)
    {
        var stream = new TextStream(Bytes, stops);
        var shown = new StringBuilder();
        foreach (int token in Tokens(text))
        {
            shown.Append(stream.Add(token));
            Assert.StartsWith(shown.ToString(), expected, StringComparison.Ordinal);
        }
        Assert.Equal(stops.Length > 0 && expected != text, stream.Stopped);
        shown.Append(stream.Finish());
        Assert.Equal(expected, shown.ToString());
    }

    // Against the definition: all text before the first stop text to be complete.
    [Fact]
    public void Any_text_with_any_stops_ends_where_the_definition_says()
    {
        var random = new Random(5);
        for (int i = 0; i < 2000; i++)
        {
            string text = Letters(30);
            string[] stops = [.. Enumerable.Range(0, random.Next(4)).Select(_ => Letters(random.Next(1, 5)))];
            int end = Enumerable.Range(1, text.Length).FirstOrDefault(e => stops.Any(s => text[..e].EndsWith(s, StringComparison.Ordinal)));
            var found = end == 0 ? null : stops.First(s => text[..end].EndsWith(s, StringComparison.Ordinal));
            var stream = new TextStream(Bytes, stops);
            var shown = string.Concat(Tokens(text).Select(stream.Add)) + stream.Finish();
            Assert.Equal(found is null ? text : text[..(end - found.Length)], shown);
        }

        string Letters(int count) => new([.. Enumerable.Range(0, count).Select(_ => "ab漢"[random.Next(3)])]);
    }

    [Fact]
    public void What_is_no_stop_is_shown_at_once()
    {
        var stream = new TextStream(Bytes, "xyz");
        Assert.Equal("a", stream.Add(Tokens("a")[0]));
        Assert.Equal("", stream.Add(Tokens("x")[0]));
        Assert.Equal("xb", stream.Add(Tokens("b")[0]));
        Assert.Equal("", stream.Add(Bytes.VocabularySize)); // a model may have more ids
        Assert.Throws<ArgumentException>(() => new TextStream(Bytes, ""));
    }
}
