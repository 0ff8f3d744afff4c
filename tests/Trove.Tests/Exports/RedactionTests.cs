using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Trove.Exports;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Exports;

public partial class RedactionTests
{
    private static readonly Redaction All = new(RedactionClasses.All, ExportFixture.Key, ["Ann", "two words"]);

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
    public void Classes(string text, string expected) => Assert.Equal(expected, Plain(new Redaction(RedactionClasses.All, ExportFixture.Key).Apply(text)));

    [Theory]
    [InlineData("card 4111 1111 1111 1111, thanks", "card [redacted:card], thanks")]
    [InlineData("5500005555555559", "[redacted:card]")]
    [InlineData("378282246310005", "[redacted:card]")] // fifteen digits
    [InlineData("4111 1111 1111 1112", "[redacted:phone]")] // its check digit is wrong
    [InlineData("to DE89 3704 0044 0532 0130 00 by Friday", "to [redacted:bank] by Friday")]
    [InlineData("GB82WEST12345698765432.", "[redacted:bank].")]
    [InlineData("DE88 3704 0044 0532 0130 OO", "DE[redacted:phone] OO")] // letters for zeros
    [InlineData("meet at 48.20849, 16.37208 then", "meet at [redacted:place] then")]
    [InlineData("geo:48.2084,-16.3720", "[redacted:place]")]
    [InlineData("from 48.2 to 16.3, 1.5 and 1.25", "from 48.2 to 16.3, 1.5 and 1.25")]
    [InlineData("95.123, 16.123", "95.123, 16.123")] // no latitude
    [InlineData("my password is hunter2 now", "my password is [redacted:secret] now")]
    [InlineData("Passwort: geheim!", "Passwort: [redacted:secret]")]
    [InlineData("the password was long", "the password was long")]
    [InlineData("key ghp_0123456789abcdefABCDEF0123456789abcd.", "key [redacted:secret].")]
    [InlineData("sk-ating is fun", "sk-ating is fun")]
    [InlineData("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "[redacted:secret]-----END OPENSSH PRIVATE KEY-----")]
    [InlineData("My Depression and the weather", "My [redacted:health] and the weather")]
    public void Classes_that_numbers_and_words_show(string text, string expected) => Assert.Equal(expected, Plain(new Redaction(RedactionClasses.All, ExportFixture.Key).Apply(text)));

    // Without the pseudonyms.
    private static string Plain(string text) => PseudonymPattern().Replace(text, "$1]");

    [GeneratedRegex(@"(\[redacted:[a-z]+):[0-9a-f]{8}\]")]
    private static partial Regex PseudonymPattern();

    [Fact]
    public void A_pseudonym_stays_the_same_in_every_writing_and_with_the_same_key_only()
    {
        var (ours, theirs) = (new Redaction(RedactionClasses.All, ExportFixture.Key), new Redaction(RedactionClasses.All, new byte[Redaction.KeySize]));
        Assert.Equal(ours.Apply("Ann@Example.org"), ours.Apply("ann@example.org"));
        Assert.Equal(ours.Apply("+49 170 1234567"), ours.Apply("+49-170-1234567"));
        Assert.NotEqual(ours.Apply("ann@example.org"), ours.Apply("bob@example.org"));
        Assert.NotEqual(ours.Apply("ann@example.org"), theirs.Apply("ann@example.org"));
        Assert.Equal("[redacted:mail:dd0e2662]", ours.Apply("ann@example.org"));
    }

    [Fact]
    public void Names_of_others_are_pseudonyms_and_ones_own_and_those_of_programs_stay()
    {
        var record = new Record { Platform = "whatsapp", Kind = RecordKind.Message, Author = "Ben", Text = "hi Ben", Meta = Metadata.Empty.SetItem("to", "Ann").SetItem("type", "Ben") };
        var hidden = All.Apply(record);
        Assert.Equal("[redacted:person]", Plain(hidden.Author));
        Assert.Equal("[redacted:person]", Plain(hidden.Meta["to"]));
        Assert.Equal(("hi Ben", "Ben"), (hidden.Text, hidden.Meta["type"]));
        Assert.Equal(hidden.Author, All.Apply(record with { Text = "another" }).Author);
        Assert.True(Redaction.IsRedactionOf(record, hidden));
        Assert.Equal("Ben", All.Apply(record with { Own = true }).Author);
        Assert.Equal("assistant", All.Apply(record with { Author = "assistant", Kind = RecordKind.Answer }).Author);
        Assert.Equal("Ben", new Redaction(RedactionClasses.All & ~RedactionClasses.Person, ExportFixture.Key).Apply(record).Author);
    }

    [Theory]
    [InlineData("Ann and ANN and Hannah", "[redacted:text] and [redacted:text] and H[redacted:text]ah")]
    [InlineData("annann", "[redacted:text][redacted:text]")]
    [InlineData("mail ann@example.org", "mail [redacted:mail]")]
    public void Literals(string text, string expected) => Assert.Equal(expected, Plain(All.Apply(text)));

    [Fact]
    public void Literals_are_hidden_in_names_links_and_metadata_too()
    {
        var record = new Record
        {
            Platform = "reddit", Kind = RecordKind.Message, Id = "1", Author = "ann_b", Thread = "t/Ann", Url = "https://x/ann", Text = "hi",
            Meta = Metadata.Empty.SetItem("to", "Ann"),
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
            var redacted = $"{text[..at[0]]}[redacted:text:0123abcd]{text[at[1]..at[2]]}[redacted:ip:0123abcd]{text[at[3]..]}";
            Assert.True(Redaction.IsRedactionOf(text, redacted));
            Assert.False(Redaction.IsRedactionOf(text, redacted + "!!added!!"));
            Assert.False(Redaction.IsRedactionOf(text, "!!added!!" + redacted));
        }));
    }

    [Theory]
    [InlineData("abc", "abd")]
    [InlineData("abc", "[redacted:text:0123abcd]abc")] // a mark covers something
    [InlineData("abc", "abc[redacted:text:0123abcd]")]
    [InlineData("abc", "c[redacted:text:0123abcd]a")]
    [InlineData("abc", "ab[redacted:text:0123abcd]bc")]
    [InlineData("abc", "a[redacted:name]c")] // no such mark
    [InlineData("a", "a[redacted:text:0123abcd]a")]
    [InlineData("", "[redacted:text:0123abcd]")]
    public void Not_a_redaction(string original, string redacted) => Assert.False(Redaction.IsRedactionOf(original, redacted));

    [Fact]
    public void Other_fields_stay()
    {
        var record = new Record { Platform = "reddit", Kind = RecordKind.Post, Id = "1", Own = true, Time = 5, Text = "me@example.org", Meta = Metadata.Empty.SetItem("a", "b") };
        var redacted = All.Apply(record);
        Assert.True(Redaction.IsRedactionOf(record, redacted));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Own = false }));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Time = 6 }));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Id = "2" }));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Kind = RecordKind.Note }));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Meta = Metadata.Empty }));
        Assert.False(Redaction.IsRedactionOf(record, redacted with { Meta = Metadata.Empty.SetItem("c", "b") }));
    }

    [Fact]
    public void Marks_count_no_words_and_part_none()
    {
        Assert.Equal(2, Redaction.CountWords("call [redacted:phone:0123abcd] now"));
        Assert.Equal(1, Redaction.CountWords("Han[redacted:text:0123abcd]nah"));
        Assert.Equal(0, Redaction.CountWords("[redacted:mail:0123abcd]"));
        Assert.Equal(2, Redaction.CountWords("[redacted:else]"));
    }

    [Fact]
    public void Cutting_a_word_into_many_is_no_redaction()
    {
        // Between apostrophes a word would fall apart: x'y'z is one word, x''z two.
        var record = new Record { Platform = "a", Kind = RecordKind.Post, Text = "x'y'z" };
        Assert.False(Redaction.IsRedactionOf(record, record with { Text = "x'[redacted:text:0123abcd]'z" }));
    }

    [Fact]
    public void Long_text_of_marks_is_not_taken_apart_for_each_short_original()
    {
        var marks = string.Concat(Enumerable.Repeat("[redacted:person:0123abcd]", 10_000));
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
        Assert.Throws<ArgumentException>(() => new Redaction(RedactionClasses.None, ExportFixture.Key, ["a"]));
        Assert.Throws<ArgumentException>(() => new Redaction(RedactionClasses.None, ExportFixture.Key, [.. Enumerable.Repeat("ab", Redaction.MaxLiterals + 1)]));
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
    [InlineData("4111 ")]
    [InlineData("AA11 ")]
    [InlineData("AA11")]
    [InlineData("1.123,")]
    [InlineData("password: ")]
    [InlineData("password is ")]
    [InlineData("sk-")]
    [InlineData("eyJ1.")]
    [InlineData("-----BEGIN RSA PRIVATE KEY-----")]
    [InlineData("cancer ")]
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
        Assert.False(Redaction.IsRedactionOf(half + half, $"[redacted:text:0123abcd]{half}b{half[1..]}[redacted:text:0123abcd]"));
        Assert.True(Redaction.IsRedactionOf($"x{half}b{half}x", $"[redacted:text:0123abcd]{half}b{half}[redacted:text:0123abcd]"));
        Assert.False(Redaction.IsRedactionOf(half + half, $"[redacted:text:0123abcd]{half[..250_000]}b{half[..250_000]}[redacted:text:0123abcd]"));
    }
}
