using System.Text;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Exports;
using Trove.Node.Protocol;
using Trove.Node.Verification.Pages;
using static Trove.Tests.Node.RedditAnswers;
using Outcome = Trove.Core.Rewards.CheckOutcome;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Node;

/// <summary>Profiles, posts and records as Reddit shows them: of the account, of others, changed, gone, and hostile.</summary>
public sealed class PageEvidenceTests
{
    private const string Me = "Fen_Walker", Url = "https://www.reddit.com/r/test/comments/1abc/trove/";
    private static readonly string Code = AccountCode.Of(1, Address.Parse("0x" + new string('1', 40)), Address.Parse("0x" + new string('2', 40)));
    private static readonly string Other = AccountCode.Of(1, Address.Parse("0x" + new string('1', 40)), Address.Parse("0x" + new string('3', 40)));
    private static readonly PublicPages Profile_ = new(true, false, []), Post_ = new(false, false, [Url]), Permalinks_ = new(false, true, []);

    private readonly List<Uri> _asked = [];

    [Theory]
    [InlineData("CODE", true)]
    [InlineData("I count herons. CODE, and eels.", true)]
    [InlineData("OTHER", false)]
    [InlineData("", false)]
    [InlineData("CODEx", false)]
    [InlineData("xCODE", false)]
    [InlineData("a-CODE", false)]
    [InlineData("CODEx CODE", true)]
    public async Task The_profile_shows_the_code(string description, bool shown)
    {
        var check = await CheckAsync(Profile_, Profile("fen_walker", Filled(description)));
        Assert.Equal((EvidenceKinds.Profile, shown ? Outcome.Passed : Outcome.Absent), (check.Name, check.Outcome));
        Assert.Equal("https://www.reddit.com/user/Fen_Walker/about.json?raw_json=1", Assert.Single(_asked).AbsoluteUri);
    }

    [Fact]
    public async Task ProfileOfSomebodyElse() => Assert.Equal("reddit showed the profile of another account", (await CheckAsync(Profile_, Profile("heron", Code))).Detail);

    [Fact]
    public async Task ProfileThatIsNotThere()
    {
        Assert.Equal("reddit has no such profile", (await CheckAsync(Profile_, new PageAnswer(PageOutcome.NotThere, default))).Detail);
        Assert.Equal("reddit's answer about the profile is larger than 1 MiB", (await CheckAsync(Profile_, new PageAnswer(PageOutcome.TooLarge, default))).Detail);
    }

    [Theory]
    [InlineData("CODE", true)]
    [InlineData("Hello\n\n  CODE \n\nbye", true)]
    [InlineData("OTHER", false)]
    [InlineData("this is my CODE", false)]
    [InlineData("> CODE", false)] // who answers another's post often repeats it
    [InlineData("> a\n\nwhat is this?", false)]
    [InlineData("```\nCODE\n```", false)]
    [InlineData("CODE OTHER", false)]
    public async Task A_post_has_the_code_on_a_line_of_its_own(string text, bool has)
    {
        var answers = new (string Url, string Name, object Thing)[]
        {
            (Url, "t3_1abc", Post("1abc", "fen_walker", "Trove", Filled(text))),
            ("https://old.reddit.com/r/test/comments/1abc/trove/def2/?context=3", "t1_def2", Comment("def2", "FEN_WALKER", Filled(text))),
            ("https://www.reddit.com/user/Fen_Walker/comments/1abc/trove", "t3_1abc", Post("1abc", "Fen_Walker", Filled(text).Contains('\n') ? "x" : Filled(text), Filled(text))),
        };
        foreach (var (url, name, thing) in answers)
        {
            var check = await CheckAsync(new PublicPages(false, false, [url]), Listing(thing));
            Assert.Equal((EvidenceKinds.Post, has ? Outcome.Passed : Outcome.Absent), (check.Name, check.Outcome));
            Assert.Equal($"https://www.reddit.com/api/info.json?raw_json=1&id={name}", _asked[^1].AbsoluteUri);
        }
    }

    // The address may name whom it likes; and a code in somebody else's post is what a thief would show.
    [Theory]
    [InlineData("heron")]
    [InlineData("fen_walker2")]
    [InlineData("[deleted]")]
    [InlineData("")]
    public async Task PostOfSomebodyElse(string author)
    {
        var check = await CheckAsync(new PublicPages(false, false, ["https://www.reddit.com/user/Fen_Walker/comments/1abc/by_fen_walker/"]), Listing(Post("1abc", author, "Trove", Code)));
        Assert.Equal((Outcome.Absent, "no post that was named is there and by the account, by reddit's own word"), (check.Outcome, check.Detail));
    }

    [Fact]
    public async Task One_post_of_several_is_enough()
    {
        var pages = new PublicPages(false, false, [Url, Url, "https://www.reddit.com/r/a/comments/2/b/c3/", "https://www.reddit.com/r/a/comments/4/b/"]);
        var check = await CheckAsync(pages, Listing(Post("1abc", "heron", "", Code), Comment("c3", "fen_walker", Code)));
        Assert.Equal(Outcome.Passed, check.Outcome);
        Assert.EndsWith("&id=t3_1abc,t1_c3,t3_4", Assert.Single(_asked).Query, StringComparison.Ordinal);
    }

    // What was not asked for and comes all the same is nobody's evidence.
    [Fact]
    public async Task AnswerAboutAnotherPost() => Assert.Equal(Outcome.Absent, (await CheckAsync(Post_, Listing(Post("9zzz", "fen_walker", "", Code)))).Outcome);

    [Theory]
    [InlineData("http://www.reddit.com/r/a/comments/1abc/b/")]
    [InlineData("https://www.reddit.com.example.org/r/a/comments/1abc/b/")]
    [InlineData("https://evil@www.reddit.com/r/a/comments/1abc/b/")]
    [InlineData("https://www.reddit.com:444/r/a/comments/1abc/b/")]
    [InlineData("https://redd.it/1abc")]
    [InlineData("https://www.reddit.com/r/a/comments/1ABC/b/")]
    [InlineData("https://www.reddit.com/r/a/comments/1abc,t3_2/b/")]
    [InlineData("https://www.reddit.com/r/a/comments/1abc%26limit=1/b/")]
    [InlineData("https://www.reddit.com/r/a/comments//b/")]
    [InlineData("https://www.reddit.com/r/a/comments/12345678901234/b/")]
    [InlineData("https://www.reddit.com/r/a/comments/1abc/b/c/d/")]
    [InlineData("https://www.reddit.com/user/fen_walker/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("")]
    public async Task AddressOfNoPost(string url)
    {
        var pages = new PublicPages(false, false, [url]);
        Assert.Equal("an address is not that of a post or comment on reddit", PageEvidence.Problem("reddit", Me, pages));
        Assert.Equal(Outcome.Absent, (await CheckAsync(pages, "")).Outcome);
        Assert.Empty(_asked);
    }

    [Theory]
    [InlineData("x", Me)]
    [InlineData("telegram", Me)]
    [InlineData("jsonl", Me)]
    [InlineData("reddit", "a")]
    [InlineData("reddit", "fen/../heron")]
    [InlineData("reddit", "fen walker")]
    [InlineData("reddit", "f\u00e9n_walker")]
    [InlineData("reddit", "123456789012345678901")]
    public async Task WhatIsNeverFetched(string platform, string account)
    {
        var pages = new PublicPages(true, true, [Url]);
        var problem = PageEvidence.Problem(platform, account, pages);
        var checks = await PageEvidence.CheckAsync(platform, account, pages, Code, [], FetchAsync(""), TestContext.Current.CancellationToken);
        Assert.Equal([("profile", Outcome.Absent, problem), ("post", Outcome.Absent, problem), ("permalink", Outcome.Absent, problem)], checks.Select(c => (c.Name, c.Outcome, (string?)c.Detail)));
        Assert.Empty(_asked);
    }

    [Fact]
    public async Task Nothing_is_looked_at_that_nobody_asked_for()
    {
        Assert.Empty(await PageEvidence.CheckAsync("reddit", Me, PublicPages.None, Code, [], FetchAsync(""), TestContext.Current.CancellationToken));
        Assert.Empty(_asked);
    }

    [Theory]
    [InlineData(8, 0, 0, Outcome.Passed)]
    [InlineData(5, 0, 0, Outcome.Passed)]
    [InlineData(5, 3, 0, Outcome.Passed)]
    [InlineData(4, 4, 0, Outcome.Absent)]
    [InlineData(4, 0, 0, Outcome.Absent)]
    [InlineData(0, 8, 0, Outcome.Absent)]
    [InlineData(7, 0, 1, Outcome.Failed)]
    [InlineData(0, 0, 1, Outcome.Failed)]
    public async Task Records_are_public_as_they_are(int same, int edited, int others, Outcome outcome)
    {
        var records = Drawn();
        var shown = records.Take(same + edited + others).Select((r, i) => Comment(r.Id, i < same + edited ? "fen_walker" : "heron", i < same || i >= same + edited ? Typed(r.Text) : r.Text + " edited")).ToArray();
        var check = await CheckAsync(Permalinks_, Listing(shown), records);
        Assert.Equal((EvidenceKinds.Permalink, outcome), (check.Name, check.Outcome));
        Assert.Equal("?raw_json=1&id=" + string.Join(',', records.Select(r => "t1_" + r.Id)), Assert.Single(_asked).Query);
    }

    [Theory]
    [InlineData("[deleted]", "[deleted]")]
    [InlineData("heron_mod", "[removed]")]
    [InlineData("[deleted]", "text 7 of the marsh")]
    public async Task RecordThatWasDeletedSaysNothing(string author, string text)
    {
        var records = Drawn();
        var check = await CheckAsync(Permalinks_, Listing([.. records.Select((r, i) => i < 7 ? Comment(r.Id, Me, r.Text) : Comment(r.Id, author, text))]), records);
        Assert.Equal(Outcome.Passed, check.Outcome);
    }

    [Fact]
    public async Task Title_and_text_of_a_post_are_compared()
    {
        var records = Enumerable.Range(0, 8).Select(i => Record(i, RecordKind.Post) with { Title = $"Title {i}" }).ToList();
        Assert.Equal(Outcome.Passed, (await CheckAsync(Permalinks_, Listing([.. records.Select(r => Post(r.Id, Me, r.Title, r.Text))]), records)).Outcome);
        Assert.Equal(Outcome.Absent, (await CheckAsync(Permalinks_, Listing([.. records.Select(r => Post(r.Id, Me, "Another", r.Text))]), records)).Outcome);
    }

    // One record of the platform in an export many times over is one.
    [Fact]
    public async Task TheSameRecordAgainAndAgain()
    {
        var records = Enumerable.Repeat(Record(1), 8).ToList();
        Assert.Equal(Outcome.Absent, (await CheckAsync(Permalinks_, Listing(Comment(records[0].Id, Me, records[0].Text)), records)).Outcome);
    }

    [Theory]
    [InlineData(4, "")]
    [InlineData(8, "no/id")]
    [InlineData(8, "a,t1_b")]
    public async Task TooFewRecordsThatCouldBeShown(int count, string id)
    {
        var records = Drawn().Take(count).Select(r => id.Length == 0 ? r : r with { Id = id }).ToList();
        Assert.Equal(Outcome.Absent, (await CheckAsync(Permalinks_, Listing(), records)).Outcome);
        Assert.Empty(_asked);
    }

    // What is no answer of the platform's is no fact: it may come again.
    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"kind\":\"t2\"}")]
    [InlineData("{\"kind\":\"t2\",\"data\":[]}")]
    [InlineData("{\"kind\":\"Listing\",\"data\":{\"children\":{}}}")]
    [InlineData("{\"message\":\"Forbidden\",\"error\":403}")]
    [InlineData("{\"kin\\ud800d\":\"t2\",\"kind\":\"t2\"}")]
    [InlineData("DEEP")]
    [InlineData("<!doctype html><script>alert(1)</script>")]
    public async Task AnswerThatIsNone(string answer)
    {
        if (answer == "DEEP")
            answer = string.Concat(Enumerable.Repeat("{\"data\":[", 100_000));
        foreach (var pages in new[] { Profile_, Post_, Permalinks_ })
            await Assert.ThrowsAsync<PlatformSilentException>(() => CheckAsync(pages, answer, Drawn()));
    }

    [Theory]
    [InlineData("{\"kind\":\"Listing\",\"data\":{\"children\":[1,null,\"x\",[],{},{\"kind\":5,\"data\":{}},{\"kind\":\"t1\",\"data\":{\"name\":\"t3_1abc\",\"author\":7}}]}}")]
    [InlineData("{\"kind\":\"Listing\",\"data\":{\"children\":[{\"kind\":\"t3\",\"data\":{\"name\":\"t3_1abc\",\"author\":\"fen_walker\",\"selftext\":\"\\ud800 CODE\"}}]}}")]
    public async Task ThingsThatAreNone(string answer) => Assert.Equal(Outcome.Absent, (await CheckAsync(Post_, Filled(answer))).Outcome);

    [Fact]
    public async Task Markup_in_a_text_is_text()
    {
        Assert.Equal(Outcome.Absent, (await CheckAsync(Post_, Listing(Post("1abc", Me, "", $"<p>\n<b>{Code}</b></p>")))).Outcome);
        Assert.Equal(Outcome.Passed, (await CheckAsync(Post_, Listing(Post("1abc", Me, "", $"<script>\n{Code}\n</script>")))).Outcome);
    }

    // What is published has to be short and of the table, whatever a page says.
    [Fact]
    public async Task Details_hold_nothing_of_a_page()
    {
        const string canary = "cnry";
        var records = Drawn();
        foreach (var (pages, answer) in new (PublicPages, string)[]
        {
            (Profile_, Profile(canary, canary)), (Profile_, Profile(Me, canary)), (Profile_, Profile(Me, Code + " " + canary)), (Post_, Listing(Post("1abc", canary, canary, canary))),
            (Post_, Listing(Post("1abc", Me, canary, Code))), (Permalinks_, Listing([.. records.Select(r => Comment(r.Id, canary, canary))])), (Permalinks_, Listing([.. records.Select(r => Comment(r.Id, Me, r.Text))])),
        })
        {
            var check = await CheckAsync(pages, answer, records);
            Assert.DoesNotContain(canary, check.Detail, StringComparison.Ordinal);
            Assert.DoesNotContain(Code, check.Detail, StringComparison.Ordinal);
            Assert.DoesNotContain(Me, check.Detail, StringComparison.OrdinalIgnoreCase);
            Assert.InRange(check.Detail.Length, 10, 200);
        }
    }

    private static string Filled(string text) => text.Replace("CODE", Code, StringComparison.Ordinal).Replace("OTHER", Other, StringComparison.Ordinal);

    // As somebody would copy it: layout and case are not its words.
    private static string Typed(string text) => "  " + text.ToUpperInvariant().Replace(" ", "  \n", StringComparison.Ordinal) + "!";

    private static List<Record> Drawn() => [.. Enumerable.Range(0, 8).Select(i => Record(i))];

    private static Record Record(int i, RecordKind kind = RecordKind.Comment) => new() { Platform = "reddit", Kind = kind, Id = $"id{i}", Author = Me, Own = true, Text = $"text {i} of the marsh" };

    private Task<EvidenceCheck> CheckAsync(PublicPages pages, string answer, IReadOnlyList<Record>? drawn = null) =>
        CheckAsync(pages, new PageAnswer(PageOutcome.Found, Encoding.UTF8.GetBytes(answer)), drawn);

    private async Task<EvidenceCheck> CheckAsync(PublicPages pages, PageAnswer answer, IReadOnlyList<Record>? drawn = null) =>
        Assert.Single(await PageEvidence.CheckAsync("reddit", Me, pages, Code, drawn ?? [], FetchAsync(answer), TestContext.Current.CancellationToken));

    private Func<Uri, CancellationToken, Task<PageAnswer>> FetchAsync(string answer) => FetchAsync(new PageAnswer(PageOutcome.Found, Encoding.UTF8.GetBytes(answer)));

    private Func<Uri, CancellationToken, Task<PageAnswer>> FetchAsync(PageAnswer answer) => (page, _) =>
    {
        _asked.Add(page);
        return Task.FromResult(answer);
    };
}
