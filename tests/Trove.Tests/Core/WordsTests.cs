using FsCheck;
using FsCheck.Fluent;
using Trove.Core;

namespace Trove.Tests.Core;

public class WordsTests
{
    private sealed record Vector(string Text, string[] Words);

    [Fact]
    public void Vectors_hold()
    {
        foreach (var vector in Vectors.Read<Vector[]>("words.json"))
            Assert.Equal(vector.Words, Split(vector.Text));
    }

    [Fact]
    public void A_lone_surrogate_parts_words() => Assert.Equal(["lone", "surrogate"], Split("lone\ud800surrogate"));

    [Fact]
    public void Any_text_splits_into_pieces_of_itself_in_order() => Prop.ForAll(ArbMap.Default.ArbFor<string>(), text =>
    {
        text ??= "";
        int from = 0;
        foreach (var word in Split(text))
        {
            int at = text.IndexOf(word, from, StringComparison.Ordinal);
            if (at < from || word.Length == 0)
                return false;
            from = at + word.Length;
        }
        return Words.Count(text) == Split(text).Length;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Joining_with_a_space_adds_the_counts() => Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), ArbMap.Default.ArbFor<NonNull<string>>(),
        (a, b) => Words.Count(a.Get + " " + b.Get) == Words.Count(a.Get) + Words.Count(b.Get)).QuickCheckThrowOnFailure();

    [Fact]
    public void Counting_ASCII_by_bits_is_counting_its_words() => Prop.ForAll(Gen.Elements("aZ09'' _-\n\u007f@[`{".ToCharArray()).ArrayOf().Select(c => new string(c)).ToArbitrary(), text =>
    {
        foreach (int before in new[] { 0, 28, 29, 30, 31, 32, 62, 63 })
        {
            string all = new string('.', before) + text;
            int words = 0;
            foreach (var _ in Words.Split(all))
                words++;
            Assert.Equal(words, Words.Count(all));
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Counting_allocates_nothing()
    {
        var text = string.Concat(Enumerable.Repeat("It's a long text, with 漢字 and café. ", 1000));
        Words.Count(text);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Words.Count(text);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static string[] Split(string text)
    {
        var words = new List<string>();
        foreach (var word in Words.Split(text))
            words.Add(word.ToString());
        return [.. words];
    }
}
