using FsCheck;
using FsCheck.Fluent;
using Trove.Exports;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Exports;

public class RedactionTests
{
    private static readonly Redaction All = new(RedactionClasses.All, ["Ann", "two words"]);

    [Theory]
    [InlineData("write to ann.o'neill+x@mail.example.org.", "write to [redacted:mail].")]
    [InlineData("jürgen@bücher.example", "[redacted:mail]")]
    [InlineData("see https://example.org/a_(b)?c=1, then", "see [redacted:url], then")]
    [InlineData("www.example.org!", "[redacted:url]!")]
    [InlineData("HTTP://EXAMPLE.ORG", "[redacted:url]")]
    [InlineData("from 192.0.2.44 today", "from [redacted:ip] today")]
    [InlineData("at 2001:db8::8a2e:370:7334.", "at [redacted:ip].")]
    [InlineData("call +44 (0)20 7946-0958 now", "call [redacted:phone] now")]
    [InlineData("call 555-0123-99 now", "call [redacted:phone] now")]
    [InlineData("030/12345678", "[redacted:phone]")]
    [InlineData("on 2023-04-17 19:02:11 exactly", "on 2023-04-17 19:02:11 exactly")]
    [InlineData("on 17.04.2023, at noon", "on 17.04.2023, at noon")]
    [InlineData("2023-04-17 020 7946 0958", "2023-04-17 [redacted:phone]")]
    [InlineData("std::vector a::b 10:30:59 v1.2.3", "std::vector a::b 10:30:59 v1.2.3")]
    [InlineData("999.1.1.1 and 12 apples", "999.1.1.1 and 12 apples")]
    [InlineData("a@b is no address", "a@b is no address")]
    public void Classes(string text, string expected) => Assert.Equal(expected, new Redaction(RedactionClasses.All).Apply(text));

    [Theory]
    [InlineData("Ann and ANN and Hannah", "[redacted:text] and [redacted:text] and H[redacted:text]ah")]
    [InlineData("annann", "[redacted:text][redacted:text]")]
    [InlineData("mail ann@example.org", "mail [redacted:mail]")]
    public void Literals(string text, string expected) => Assert.Equal(expected, All.Apply(text));

    [Fact]
    public void Literals_are_hidden_in_names_links_and_metadata_too()
    {
        var record = new Record
        {
            Platform = "reddit", Kind = RecordKind.Message, Id = "1", Author = "ann_b", Thread = "t/Ann", Url = "https://x/ann", Text = "hi",
            Meta = Record.NoMeta.SetItem("to", "Ann"),
        };
        var redacted = All.Apply(record);
        Assert.DoesNotContain("ann", $"{redacted.Author}{redacted.Thread}{redacted.Url}{redacted.Meta["to"]}", StringComparison.OrdinalIgnoreCase);
        Assert.True(Redaction.IsRedactionOf(record, redacted));
    }

    [Fact]
    public void What_was_redacted_is_a_redaction_and_holds_no_literal() =>
        Check.QuickThrowOnFailure(Prop.ForAll(RecordGen.Any.ToArbitrary(), record =>
        {
            var redacted = All.Apply(record);
            Assert.True(Redaction.IsRedactionOf(record, redacted));
            Assert.True(Redaction.CountWords(redacted) <= Redaction.CountWords(record));
            Assert.DoesNotContain("Ann", redacted.Text, StringComparison.OrdinalIgnoreCase);
            Assert.Null(RecordRules.Problem(redacted));
        }));

    [Fact]
    public void Any_spans_behind_marks_are_a_redaction_and_any_other_change_is_not()
    {
        var cuts = Gen.Choose(0, 60).ArrayOf(4).Select(at => at.Order().ToArray());
        Check.QuickThrowOnFailure(Prop.ForAll(RecordGen.Text.Zip(cuts).ToArbitrary(), pair =>
        {
            var (text, at) = pair;
            at = [.. at.Select(cut => Math.Min(cut, text.Length))];
            if (at[0] == at[1] || at[2] == at[3])
                return;
            var redacted = $"{text[..at[0]]}[redacted:text]{text[at[1]..at[2]]}[redacted:ip]{text[at[3]..]}";
            Assert.True(Redaction.IsRedactionOf(text, redacted));
            Assert.False(Redaction.IsRedactionOf(text, redacted + "!!added!!"));
            Assert.False(Redaction.IsRedactionOf(text, "!!added!!" + redacted));
        }));
    }

    [Theory]
    [InlineData("abc", "abd")]
    [InlineData("abc", "[redacted:text]abc")] // a mark covers something
    [InlineData("abc", "abc[redacted:text]")]
    [InlineData("abc", "c[redacted:text]a")]
    [InlineData("abc", "ab[redacted:text]bc")]
    [InlineData("abc", "a[redacted:name]c")] // no such mark
    [InlineData("a", "a[redacted:text]a")]
    [InlineData("", "[redacted:text]")]
    public void Not_a_redaction(string original, string redacted) => Assert.False(Redaction.IsRedactionOf(original, redacted));

    [Fact]
    public void Other_fields_stay()
    {
        var record = new Record { Platform = "reddit", Kind = RecordKind.Post, Id = "1", Own = true, Time = 5, Text = "me@example.org", Meta = Record.NoMeta.SetItem("a", "b") };
        var redacted = All.Apply(record);
        Assert.True(Redaction.IsRedactionOf(record, redacted));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Own = false }));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Time = 6 }));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Id = "2" }));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Kind = RecordKind.Note }));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Meta = Record.NoMeta }));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Meta = Record.NoMeta.SetItem("c", "b") }));
    }

    [Fact]
    public void Marks_count_no_words_and_part_none()
    {
        Assert.Equal(2, Redaction.CountWords("call [redacted:phone] now"));
        Assert.Equal(1, Redaction.CountWords("Han[redacted:text]nah"));
        Assert.Equal(0, Redaction.CountWords("[redacted:mail]"));
        Assert.Equal(2, Redaction.CountWords("[redacted:else]"));
    }

    [Fact]
    public void Cutting_a_word_into_many_is_no_redaction()
    {
        // Between apostrophes a word would fall apart: x'y'z is one word, x''z two.
        var record = new Record { Platform = "a", Kind = RecordKind.Post, Text = "x'y'z" };
        Assert.False(Redaction.IsRedactionOf(record, record with { Text = "x'[redacted:text]'z" }));
    }

    [Fact]
    public void Long_text_of_marks_is_not_taken_apart_for_each_short_original()
    {
        var marks = string.Concat(Enumerable.Repeat("[redacted:phone]", 10_000));
        Assert.True(Redaction.IsRedactionOf(new string('a', 10_000), marks)); // the longest that any text becomes
        Assert.False(Redaction.IsRedactionOf(new string('a', 9_999), marks));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            Assert.False(Redaction.IsRedactionOf("short", marks));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    [Fact]
    public void Too_many_or_too_short_literals_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new Redaction(RedactionClasses.None, ["a"]));
        Assert.Throws<ArgumentException>(() => new Redaction(RedactionClasses.None, [.. Enumerable.Repeat("ab", Redaction.MaxLiterals + 1)]));
    }

    /// <summary>A million characters: each takes hours where the matching is quadratic, so that the run would not end.</summary>
    [Theory]
    [InlineData("a")]
    [InlineData("a@")]
    [InlineData("a.")]
    [InlineData("1")]
    [InlineData("1 ")]
    [InlineData("1:")]
    [InlineData("http://")]
    [InlineData("www.")]
    [InlineData("[redacted:")]
    [InlineData("2020-01-01 ")]
    [InlineData("www.x ")]
    [InlineData("://")]
    [InlineData("12345678 ")]
    public void Hostile_repetition_takes_linear_time(string unit)
    {
        var text = string.Concat(Enumerable.Repeat(unit, 1_000_000 / unit.Length));
        var redacted = All.Apply(text);
        Assert.True(Redaction.IsRedactionOf(text, redacted));
    }

    [Fact]
    public void Hostile_marks_take_linear_time()
    {
        var half = new string('a', 500_000);
        Assert.False(Redaction.IsRedactionOf(half + half, $"[redacted:text]{half}b{half[1..]}[redacted:text]"));
        Assert.True(Redaction.IsRedactionOf($"x{half}b{half}x", $"[redacted:text]{half}b{half}[redacted:text]"));
        Assert.False(Redaction.IsRedactionOf(half + half, $"[redacted:text]{half[..250_000]}b{half[..250_000]}[redacted:text]"));
    }
}
