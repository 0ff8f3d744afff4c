using System.Text;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Crypto.Dkim;
using Trove.Node.Protocol;
using Trove.Node.Verification.Pages;
using Trove.Tests.Crypto;
using static Trove.Tests.Node.RedditAnswers;

namespace Trove.SystemTests.Api;

/// <summary>Whose an account is, told by pages of its platform, as two verifiers see them.</summary>
public sealed class PublicPagesTests(ApiFixture api) : IDisposable
{
    private const string Account = "pagesmember";

    // Those of other tests know neither these mails nor these pages.
    private readonly List<KeyFile> _verifiers = [KeyFile.Create(), KeyFile.Create()];

    public void Dispose() => _verifiers.ForEach(v => v.Dispose());

    [Fact]
    public async Task Who_acts_for_a_wallet_takes_the_account_from_who_reads_its_mails()
    {
        await api.ReadyAsync();
        var (client, info) = (api.Client, api.Info);
        var asset = await ApiFixture.CreateAssetAsync(client, info, api.Founder, _verifiers, "PAGES");
        using var platform = new MailSigner();
        TxtAnswer Key(string name) => new([platform.Record], Failed: false);
        byte[] Mail() => MailSigner.Mail(platform.Sign(MailSigner.Header(DateTimeOffset.UtcNow.AddDays(-3)), "reddit.com", body: MailSigner.To(Account)), MailSigner.To(Account));

        // Somebody who gets at the owner's mails is first.
        using var reader = await Member.PrepareAsync(asset, Member.Reddit(Account, "Seven words that the reader of mails made up"));
        reader.Mails = [Mail()];
        await ContributeAsync(reader, "attested", key: Key);

        // The code in another's post, and another wallet's code in the account's, are nobody's evidence; so equal evidence of a mail is not enough.
        using var owner = await Member.PrepareAsync(asset, Member.Reddit(Account, [.. Enumerable.Range(0, 10).Select(i => $"The true owner wrote {Number(i)} words of this about the tide")]));
        var code = AccountCode.Of(info.ChainId, asset.Ledger, owner.Key.Address);
        owner.Mails = [Mail()];
        owner.Pages = new PublicPages(Profile: true, Permalinks: false, ["https://www.reddit.com/r/test/comments/1a/t/"]);
        var tried = await ContributeAsync(owner, "refused", page => Found(page.AbsolutePath == "/api/info.json"
            ? Listing(Post("1a", "heron", "t", code)) : Profile(Account, AccountCode.Of(info.ChainId, asset.Ledger, reader.Key.Address))), Key);
        Assert.Equal("account-known", tried.RefusalCode);

        // The platform is busy at first, which refuses nobody; then all three kinds hold.
        using var again = await Member.PrepareAsync(asset, Member.Reddit(Account, [.. Enumerable.Range(0, 10).Select(i => $"The true owner wrote {Number(i)} words of this about the tide")]), owner.Key);
        again.Pages = owner.Pages with { Permalinks = true };
        int asked = 0;
        var seen = new System.Collections.Concurrent.ConcurrentBag<string>();
        var done = await ContributeAsync(again, "attested", page =>
        {
            seen.Add(page.AbsoluteUri);
            if (Interlocked.Increment(ref asked) <= 2)
                throw new PlatformSilentException(page.Host);
            return Found(page.AbsolutePath != "/api/info.json" ? Profile(Account, $"{code} for Trove") : page.Query.Contains("t3_1a", StringComparison.Ordinal) ? Listing(Post("1a", Account, "t", code))
                : Listing([.. Enumerable.Range(0, 10).Select(i => Comment($"{Account}{i}", Account, $"The true owner wrote {Number(i)} words of this about the tide"))]));
        });
        Assert.Equal(["post", "profile"], done.Evidence!.Where(c => c is { Name: "post" or "profile", Outcome: CheckOutcome.Passed }).Select(c => c.Name).Order());
        Assert.All(seen, page => Assert.StartsWith("https://www.reddit.com/", page, StringComparison.Ordinal));

        // Neither a mail nor another code takes it back.
        using var back = await Member.PrepareAsync(asset, Member.Reddit(Account, "More words that the reader of mails made up"));
        back.Mails = [Mail()];
        back.Pages = new PublicPages(Profile: true, Permalinks: false, []);
        Assert.Equal("account-known", (await ContributeAsync(back, "refused", _ => Found(Profile(Account, AccountCode.Of(info.ChainId, asset.Ledger, back.Key.Address))), Key)).RefusalCode);

        async Task<ContributionInfo> ContributeAsync(Member member, string state, Func<Uri, PageAnswer>? fetch = null, Func<string, TxtAnswer>? key = null)
        {
            var id = await member.ContributeAsync(client, info, asset);
            await ApiFixture.VerifyAsync(client, info, _verifiers, async () => (await client.ContributionAsync(id, default)).State != "verifying", key is null ? null : (name, _) => Task.FromResult(key(name)),
                fetch is null ? null : (page, _) => Task.FromResult(fetch(page)));
            var found = await client.ContributionAsync(id, member.Key, default);
            Assert.True(found.State == state, $"{found.State}: {found.RefusalCode} {found.Refusal}");
            return found;
        }
    }

    [Fact]
    public async Task Records_that_are_another_accounts_contradict_the_export()
    {
        await api.ReadyAsync();
        var (client, info) = (api.Client, api.Info);
        var asset = await ApiFixture.CreateAssetAsync(client, info, api.Founder, _verifiers, "LINKS");
        using var thief = await Member.PrepareAsync(asset, Member.Reddit("links", [.. Enumerable.Range(0, 10).Select(i => $"What somebody else wrote about herons, {Number(i)} times over")]));
        thief.Pages = new PublicPages(Profile: false, Permalinks: true, []);
        var id = await thief.ContributeAsync(client, info, asset);
        await ApiFixture.VerifyAsync(client, info, _verifiers, async () => (await client.ContributionAsync(id, default)).State != "verifying", fetch: (page, _) =>
            Task.FromResult(Found(Listing([.. page.Query.Split("id=")[1].Split(',').Select(name => Comment(name[3..], "heron", "What somebody else wrote"))]))));
        var refused = await client.ContributionAsync(id, thief.Key, default);
        Assert.Equal(("refused", "evidence-contradicts"), (refused.State, refused.RefusalCode));
        Assert.Contains("permalink", refused.Refusal, StringComparison.Ordinal);
    }

    private static string Number(int i) => ((string[])["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])[i];

    private static PageAnswer Found(string body) => new(PageOutcome.Found, Encoding.UTF8.GetBytes(body));
}
