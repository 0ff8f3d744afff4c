using Trove.Core;
using Trove.Node.Delegation;
using Trove.Node.Protocol;

namespace Trove.Tests.Node;

public class DelegateBookTests
{
    private static readonly Address A = Address.Parse("0x1111111111111111111111111111111111111111"), B = Address.Parse("0x2222222222222222222222222222222222222222"), C = Address.Parse("0x3333333333333333333333333333333333333333");

    [Fact]
    public void Who_delegates_counts_for_the_one_chosen_last_and_nobody_for_itself()
    {
        var book = new DelegateBook();
        book.Changed(A, A);
        Assert.Empty(book.Chosen);
        book.Changed(A, B);
        book.Changed(C, B);
        Assert.Equal((2, 0), (book.DelegatorsOf(B), book.DelegatorsOf(A)));
        book.Changed(C, A);
        Assert.Equal((1, 1), (book.DelegatorsOf(B), book.DelegatorsOf(A)));
        book.Changed(A, default);
        Assert.Equal([A], book.Chosen);
        book.Votes(B, new Shares(5));
        book.Votes(B, new Shares(3));
        Assert.Equal((3u, 0u), ((uint)book.VotesOf(B).Units, (uint)book.VotesOf(C).Units));
    }

    [Theory]
    [InlineData("I read every query.", true)]
    [InlineData("Ich lese jede Anfrage: 世界 🌊", true)]
    [InlineData("", false)]
    [InlineData("   ", false)]
    [InlineData("two\nlines", false)]
    [InlineData("nul\0", false)]
    [InlineData("\u001b[2Jgone", false)]
    [InlineData("turned \u202eround", false)]
    [InlineData("isolated \u2066text", false)]
    [InlineData("line\u2028separator", false)]
    public void Statements_are_a_plain_paragraph(string text, bool taken) => Assert.Equal(taken, StatementRequest.Problem(text) is null);

    [Fact]
    public void Statements_have_one_encoding_and_two_thousand_units()
    {
        Assert.NotNull(StatementRequest.Problem("half \ud83c of one"));
        Assert.NotNull(StatementRequest.Problem("the other half \udf0a"));
        Assert.Null(StatementRequest.Problem(new string('x', 2000)));
        Assert.NotNull(StatementRequest.Problem(new string('x', 2001)));
    }
}
