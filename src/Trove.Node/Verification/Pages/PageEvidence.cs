using Trove.Core.Rewards;
using Trove.Exports;
using Trove.Node.Protocol;
using CheckOutcome = Trove.Core.Rewards.CheckOutcome;

namespace Trove.Node.Verification.Pages;

/// <summary>
/// What public pages of a platform prove about a contribution (specs/public-pages.md): that its account shows or posted the code of its owner's
/// wallet, and that records of it are public as they are. Knows no network: who fetches is its caller. Results name the platform and constants and
/// nothing of a page, so that two verifiers who saw the same facts say the same.
/// </summary>
public static class PageEvidence
{
    /// <summary>Of the records drawn so many have to be public as they are.</summary>
    public const int Enough = 5;

    /// <summary>Why pages will not count, as far as that can be told without fetching them; null when they may.</summary>
    /// <param name="platform">Of the export.</param>
    /// <param name="account">Of the export.</param>
    /// <param name="pages">That are to be looked at.</param>
    public static string? Problem(string platform, string account, PublicPages pages) =>
        !pages.Any ? null
        : platform != RedditPages.Platform ? $"{platform} has no public pages that verifiers can read and that say by themselves whose they are"
        : !RedditPages.IsName(account.Trim()) ? $"the account is not called as accounts of {platform} are"
        : pages.Posts.Any(post => RedditPages.ParsePost(post) is null) ? $"an address is not that of a post or comment on {platform}"
        : null;

    /// <summary>Looks at the pages that were asked for, and at no other.</summary>
    /// <param name="platform">Of the export.</param>
    /// <param name="account">Of the export.</param>
    /// <param name="pages">That the member wants to be looked at.</param>
    /// <param name="code">Of the owner's wallet; see <see cref="AccountCode"/>.</param>
    /// <param name="drawn">Records that were drawn, at most <see cref="RecordDraw.Count"/>.</param>
    /// <param name="fetch">Gets a page.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>A check for each kind that was asked for.</returns>
    /// <exception cref="PlatformSilentException">The platform says nothing; it may be tried again.</exception>
    public static async Task<IReadOnlyList<EvidenceCheck>> CheckAsync(string platform, string account, PublicPages pages, string code, IReadOnlyList<Record> drawn,
        Func<Uri, CancellationToken, Task<PageAnswer>> fetch, CancellationToken ct)
    {
        account = account.Trim();
        var problem = Problem(platform, account, pages);
        var checks = new List<EvidenceCheck>();
        if (pages.Profile)
            checks.Add(problem is null ? await ProfileAsync(account, code, fetch, ct) : Absent(EvidenceKinds.Profile, problem));
        if (pages.Posts.Count > 0)
            checks.Add(problem is null ? await PostAsync(account, [.. pages.Posts.Select(post => RedditPages.ParsePost(post)!)], code, fetch, ct) : Absent(EvidenceKinds.Post, problem));
        if (pages.Permalinks)
            checks.Add(problem is null ? await PermalinksAsync(account, drawn, fetch, ct) : Absent(EvidenceKinds.Permalink, problem));
        return checks;
    }

    private static async Task<EvidenceCheck> ProfileAsync(string account, string code, Func<Uri, CancellationToken, Task<PageAnswer>> fetch, CancellationToken ct)
    {
        var answer = await fetch(RedditPages.ProfileOf(account), ct);
        if (answer.Outcome != PageOutcome.Found)
            return Absent(EvidenceKinds.Profile, Missing(answer, "profile"));
        var profile = RedditPages.ReadProfile(answer.Body) ?? throw new PlatformSilentException(RedditPages.Host);
        return !Same(profile.Author, account) ? Absent(EvidenceKinds.Profile, "reddit showed the profile of another account")
            : !AccountCode.IsIn(code, profile.Text) ? Absent(EvidenceKinds.Profile, "the account's profile on reddit does not show the code of this wallet")
            : new EvidenceCheck(EvidenceKinds.Profile, CheckOutcome.Passed, "the account's profile on reddit shows the code of this wallet");
    }

    private static async Task<EvidenceCheck> PostAsync(string account, IReadOnlyList<string> names, string code, Func<Uri, CancellationToken, Task<PageAnswer>> fetch, CancellationToken ct)
    {
        var answer = await fetch(RedditPages.Things(names.Distinct()), ct);
        if (answer.Outcome != PageOutcome.Found)
            return Absent(EvidenceKinds.Post, Missing(answer, "posts"));
        var things = RedditPages.ReadThings(answer.Body) ?? throw new PlatformSilentException(RedditPages.Host);
        var own = names.Where(things.ContainsKey).Select(name => things[name]).Where(thing => Same(thing.Author, account)).ToList();
        return own.Count == 0 ? Absent(EvidenceKinds.Post, "no post that was named is there and by the account, by reddit's own word")
            : !own.Exists(thing => AccountCode.IsLineOf(code, thing.Text)) ? Absent(EvidenceKinds.Post, "no post of the account that was named has the code of this wallet on a line of its own")
            : new EvidenceCheck(EvidenceKinds.Post, CheckOutcome.Passed, "the account posted the code of this wallet on reddit");
    }

    private static async Task<EvidenceCheck> PermalinksAsync(string account, IReadOnlyList<Record> drawn, Func<Uri, CancellationToken, Task<PageAnswer>> fetch, CancellationToken ct)
    {
        var records = drawn.Select(record => (Name: RedditPages.NameOf(record), Record: record)).Where(r => r.Name is not null).ToList();
        if (records.Count < Enough)
            return Absent(EvidenceKinds.Permalink, $"of the records drawn fewer than {Enough} are posts or comments that reddit could show");
        var answer = await fetch(RedditPages.Things(records.Select(r => r.Name!).Distinct()), ct);
        if (answer.Outcome != PageOutcome.Found)
            return Absent(EvidenceKinds.Permalink, Missing(answer, "records"));
        var things = RedditPages.ReadThings(answer.Body) ?? throw new PlatformSilentException(RedditPages.Host);
        int agree = 0;
        foreach (var (name, record) in records.DistinctBy(r => r.Name))
        {
            // Deleted, or removed by a moderator: says nothing either way.
            if (!things.TryGetValue(name!, out var thing) || thing.Author.Length == 0)
                continue;
            if (!Same(thing.Author, account))
                return new EvidenceCheck(EvidenceKinds.Permalink, CheckOutcome.Failed, "reddit shows a record of the account as another account's");
            // A text that was edited since says nothing either.
            if (Folded(record.Kind == RecordKind.Post ? record.Title + "\n" + record.Text : record.Text).SequenceEqual(Folded(thing.Text)))
                agree++;
        }
        return agree >= Enough
            ? new EvidenceCheck(EvidenceKinds.Permalink, CheckOutcome.Passed, $"at least {Enough} of up to {RecordDraw.Count} records drawn by lot are public on reddit as they are here")
            : Absent(EvidenceKinds.Permalink, $"fewer than {Enough} of up to {RecordDraw.Count} records drawn by lot are public on reddit as they are here");
    }

    private static IReadOnlyList<string> Folded(string text) => RecordScore.FoldedWords(text);

    private static bool Same(string name, string account) => name.Equals(account, StringComparison.OrdinalIgnoreCase);

    private static string Missing(PageAnswer answer, string what) => answer.Outcome == PageOutcome.NotThere ? $"reddit has no such {what}" : $"reddit's answer about the {what} is larger than {PageFetcher.MaxBytes >> 20} MiB";

    private static EvidenceCheck Absent(string kind, string detail) => new(kind, CheckOutcome.Absent, detail);
}
