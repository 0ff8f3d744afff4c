using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Trove.Models.Tokenization;

namespace Trove.Tests.Models.Tokenization;

/// <summary>Normalization form C. TokenizerInteropTests compares all of Unicode with ICU.</summary>
public class NfcTests
{
    // Unicode Standard Annex 15, figures 3 to 6, and section 1.3; The Unicode Standard, section 3.12.
    [Theory]
    [InlineData("\u212b", "\u00c5")]
    [InlineData("\u2126", "\u03a9")]
    [InlineData("D\u0307", "\u1e0a")]
    [InlineData("\u1e0a\u0323", "\u1e0c\u0307")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307")]
    [InlineData("\u1e9b\u0323", "\u1e9b\u0323")]
    [InlineData("\ufb01", "\ufb01")]
    [InlineData("\u0958", "\u0915\u093c")] // excluded from composition
    [InlineData("\u1112\u1161\u11ab", "한")]
    [InlineData("하\u11ab", "한")]
    [InlineData("한\u11ab", "한\u11ab")]
    [InlineData("a\u0315\u0300\u05ae\u0300b", "\u00e0\u05ae\u0300\u0315b")]
    [InlineData("a\u0305\u0301", "a\u0305\u0301")] // the first stands in the second's way
    [InlineData("\u0301a", "\u0301a")]
    public void Examples_of_the_standard(string text, string expected) => Assert.Equal(expected, Nfc.Normalize(text));

    [Fact]
    public void Normalised_text_stays_as_it_is_and_is_known_where_it_can_be()
    {
        var characters = Gen.Elements("aeéqÅ\u0300\u0301\u0307\u0323\u0327\u0315\u1100\u1161\u11a8가한\u0915\u093c\u0958漢\uf900日".ToCharArray()).ArrayOf().Select(c => new string(c)).ToArbitrary();
        Prop.ForAll(characters, text =>
        {
            var once = Nfc.Normalize(text);
            Assert.Equal(once, Nfc.Normalize(once));
            Assert.True(once == text || !Nfc.IsNormalized(Encoding.UTF8.GetBytes(text)), text);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
        Assert.True(Nfc.IsNormalized("Prüfung 漢字 日本語"u8));
    }

    [Fact]
    public void No_character_grows_more_than_said()
    {
        byte[] buffer = [];
        var text = new byte[4];
        for (int c = 0; c <= 0x10FFFF; c++)
            if (Rune.TryCreate(c, out var rune))
            {
                int length = rune.EncodeToUtf8(text);
                Assert.InRange(Nfc.Normalize(text.AsSpan(0, length), ref buffer), 1, length * Nfc.MaxGrowth);
            }
        Assert.Equal(3, Nfc.Normalize([0xFF], ref buffer)); // U+FFFD
    }

    // Sorting marks in place, or looking back at all of them, would take the square of the length.
    [Fact]
    public void A_million_marks_take_no_time()
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var text = Nfc.Normalize("a" + string.Concat(Enumerable.Repeat("\u0315\u0323", 500_000)));
        Assert.Equal("\u1ea1" + new string('\u0323', 499_999) + new string('\u0315', 500_000), text);
        Assert.True(watch.Elapsed.TotalSeconds < 20, watch.Elapsed.ToString());
    }
}
