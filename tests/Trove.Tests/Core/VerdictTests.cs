using FsCheck;
using FsCheck.Fluent;
using Trove.Core;

namespace Trove.Tests.Core;

public class VerdictTests
{
    // Answers as they come: facts a or b, or - for a refusal. m must agree, so many are called of so many drawn.
    [Theory]
    [InlineData("", 2, 2, 4, Decision.Open, 0)]
    [InlineData("a", 2, 2, 4, Decision.Open, 0)]
    [InlineData("aa", 2, 2, 4, Decision.Attested, 0)]
    [InlineData("--", 2, 2, 4, Decision.Refused, 0)]
    [InlineData("a-", 2, 2, 4, Decision.Open, 1)]
    [InlineData("ab", 2, 2, 4, Decision.Open, 1)]
    [InlineData("a-a", 2, 3, 4, Decision.Attested, 0)]
    [InlineData("a--", 2, 3, 4, Decision.Refused, 0)]
    [InlineData("ab-", 2, 3, 4, Decision.Open, 1)]
    [InlineData("ab-b", 2, 4, 4, Decision.Attested, 0)]
    [InlineData("abcd", 2, 4, 4, Decision.Disagreed, 0)]
    [InlineData("ab-c", 2, 4, 4, Decision.Refused, 0)]
    [InlineData("a", 2, 2, 2, Decision.Open, 0)] // nobody in reserve: one that does not agree ends it
    [InlineData("-", 2, 2, 2, Decision.Refused, 0)]
    [InlineData("ab", 2, 2, 2, Decision.Disagreed, 0)]
    [InlineData("ab-", 3, 3, 5, Decision.Open, 2)]
    [InlineData("abc-", 3, 4, 5, Decision.Refused, 0)]
    public void Answers_come_to(string answers, int mustAgree, int called, int drawn, Decision decision, int call) =>
        Assert.Equal(new Verdict(decision, call), Verdict.Of([.. answers.Select(a => a == '-' ? null : $"{a}")], mustAgree, called, drawn));

    [Fact]
    public void Two_are_in_reserve_where_there_are_as_many()
    {
        Assert.Equal([1, 2, 3, 3, 4, 9], [Verdict.Drawn(1, 1), Verdict.Drawn(2, 1), Verdict.Drawn(9, 1), Verdict.Drawn(3, 2), Verdict.Drawn(9, 2), Verdict.Drawn(9, 9)]);
    }

    // Whatever verifiers say, in any order: it ends, with the same outcome where nobody calls more than needed, and never against m who are honest.
    [Fact]
    public void It_always_ends_and_m_honest_ones_among_the_called_decide()
    {
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            int mustAgree = random.Next(1, 5), drawn = Verdict.Drawn(random.Next(mustAgree, mustAgree + 5), mustAgree);
            var says = Enumerable.Range(0, drawn).Select(_ => random.Next(3) switch { 0 => null, 1 => "lie", _ => "truth" }).ToArray();
            var answers = new List<string?>();
            var verdict = new Verdict(Decision.Open, 0);
            int called = mustAgree;
            while (verdict.Decision == Decision.Open)
            {
                Assert.True(answers.Count < called, "nobody is called and nothing is decided");
                answers.Insert(random.Next(answers.Count + 1), says[answers.Count]);
                verdict = Verdict.Of(answers, mustAgree, called, drawn);
                called += verdict.Call;
                Assert.InRange(called, mustAgree, drawn);
                Assert.True(verdict.Decision == Decision.Open || verdict.Call == 0);
            }
            int truths = answers.Count(a => a == "truth"), lies = answers.Count(a => a == "lie"), refusals = answers.Count(a => a is null);
            Assert.Equal(verdict.Decision == Decision.Attested, truths >= mustAgree || lies >= mustAgree);
            Assert.True(verdict.Decision != Decision.Disagreed || refusals == 0);
            if (says.Take(mustAgree).All(s => s == "truth"))
                Assert.Equal((Decision.Attested, mustAgree), (verdict.Decision, answers.Count));
        }).QuickCheckThrowOnFailure();
    }
}
