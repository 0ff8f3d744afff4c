using System.Globalization;
using System.Text.Json.Nodes;
using Trove.Core;
using Trove.Node.Protocol;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Faults;

/// <summary>
/// The whole story through the command line, as people would tell it who try again when something fails. What a command
/// acknowledged (exit code 0) is remembered and must be there at the end, once.
/// </summary>
/// <param name="house">The processes.</param>
/// <param name="votes">How long a vote lasts: both members vote in it, whatever dies meanwhile.</param>
internal sealed class FaultStory(House house, TimeSpan votes)
{
    private const string Sql = "SELECT year, count(*) CLIP 200 AS comments, count(distinct member) AS members FROM records GROUP BY year";
    private const int Tries = 120;

    // What each writes is in no passage the other's, or it would earn nothing.
    private static readonly Dictionary<string, string[]> Texts = new()
    {
        ["maya"] = ["The harbour master writes down what the tide brought in every morning", "And somebody mends another net before the winter storms arrive from the north"],
        ["ada"] = ["Nobody in this village counts its lanterns after the market has closed", "Three ropes and an anchor were all that remained of her grandfather's boat"],
    };

    private static readonly string[] Members = [.. Texts.Keys], Guardians = ["guardian1", "guardian2", "guardian3"];

    private AssetInfo _created = null!;

    private Address Asset => _created.Asset;

    /// <summary>Before anything is armed: the asset, and the members' exports.</summary>
    public async Task PrepareAsync()
    {
        string Operator(string name) => $"{house.Key(name).SigningKey.Address}={house.Key(name).Identity.Recipient}";
        await TroveCli.JsonAsync(house.Folder, ["asset", "create", "--name", "Of faults", "--symbol", "FAULT", .. house.Signing("founder"),
            "--verifier", Operator("verifier1"), "--verifier", Operator("verifier2"), .. Guardians.SelectMany(g => new[] { "--guardian", $"{house.Key(g).SigningKey.Address}" }),
            "--runner", $"{house.Key("runner").SigningKey.Address}", "--voting-period", string.Create(CultureInfo.InvariantCulture, $"{votes.TotalSeconds}s"), "--timelock", "1s", "--minimum-age", "0s", "--minimum-owners", "1",
            "--group-size", "1", "--snapshot-size", "2", "--use-time", "20m", "--minimum-words", "5"]);
        _created = (await house.Client.AssetsAsync(default)).Single();
        foreach (var (member, texts) in Texts)
            Story.Exports.WriteReddit(Path.Combine(house.Folder, member + ".zip"), "sailor_" + member, texts, ["kept at home"]);
    }

    /// <summary>Tells it to its end.</summary>
    public async Task TellAsync()
    {
        var contributions = new List<Hash32>();
        foreach (var member in Members)
            contributions.Add(await ContributeAsync(member));
        await UntilAsync("attested", async () => (await Task.WhenAll(contributions.Select(c => house.Client.ContributionAsync(c, default)))).All(c => c.State == "attested"));

        await DoAsync(["epoch", "close", .. house.Signing("founder")], async () => (await house.Client.EpochsAsync(Asset, default)).Count == 1);
        await UntilAsync("posted", async () => (await house.Client.EpochAsync(Asset, 1, default)).State == "posted");
        await UntilAsync("claimed", async () => (await BalancesAsync()).All(b => b.Shares.Units > 0));
        await UntilAsync("a snapshot", async () => (await house.Client.DataAsync(Asset, default)).SnapshotEpoch == 1);

        await DoAsync(["request", "query", Sql, "--expires", "12h", "--test-dollars", .. house.Signing("buyer")], async () => (await house.Client.RequestsAsync(Asset, default)).Count == 1);
        var request = (await house.Client.RequestsAsync(Asset, default)).First().Request;
        await DoAsync(["propose", $"{request}", "--node", $"{house.Node}"], async () => (await house.Client.ProposalsAsync(Asset, default)).Count == 1);
        var proposal = (await house.Client.ProposalsAsync(Asset, default)).Single().Proposal;
        // Fresh shares for the guardians there are: with the data, which was sealed before, they open what the other vote grants.
        await DoAsync(["propose", "--guardians", .. Guardians.Select(g => $"{house.Key(g).SigningKey.Address}"), "--because", "fresh shares", .. house.Signing(Members[0])],
            async () => (await house.Client.ProposalsAsync(Asset, default)).Count == 2);
        var invitation = (await house.Client.ProposalsAsync(Asset, default)).Single(p => p.Action == "guardians").Proposal;
        foreach (var asked in new[] { proposal, invitation })
        {
            await UntilAsync("the vote's beginning", async () => (await house.Client.ProposalAsync(Asset, asked, default)).State == "active");
            for (int i = 0; i < Members.Length; i++)
            {
                int voters = i + 1;
                await DoAsync(["vote", asked.ToHex(), "for", .. house.Signing(Members[i])], async () => (await house.Client.ProposalAsync(Asset, asked, default)).Voters == voters);
            }
        }
        foreach (var asked in new[] { invitation, proposal })
        {
            await UntilAsync("the vote's end", async () => (await house.Client.ProposalAsync(Asset, asked, default)).State is not "active");
            await DoAsync(["execute", asked.ToHex(), "--node", $"{house.Node}"], async () => (await house.Client.ProposalAsync(Asset, asked, default)).State == "executed");
            await UntilAsync("fresh shares", async () => (await house.Client.AssetAsync(Asset, default)).Custody.Epoch == 2);
        }
        await UntilAsync("settled", async () => (await house.Client.RequestAsync(Asset, request, default)).State == "settled");
        var result = await DoAsync(["result", $"{request}", .. house.Signing("buyer")], Never);
        foreach (var member in Members)
            await DoAsync(["claim", .. house.Signing(member)], Never);

        // Everything is there, and there once.
        foreach (var c in contributions)
            Assert.Equal("rewarded", (await house.Client.ContributionAsync(c, default)).State);
        var epoch = Assert.Single(await house.Client.EpochsAsync(Asset, default));
        Assert.Equal(2, epoch.Leaves);
        Assert.Equal(epoch.Total.Units, (await BalancesAsync()).Aggregate(UInt128.Zero, (sum, b) => sum + b.Shares.Units));
        var voted = await house.Client.ProposalsAsync(Asset, default);
        Assert.Equal([(2, epoch.Total), (2, epoch.Total)], voted.Select(v => (v.Voters, v.For)));
        Assert.Equal((_created.Recipient, 2U), (await house.Client.AssetAsync(Asset, default)) is var now ? (now.Recipient, now.Custody.Epoch) : default);
        await UntilAsync("old shares to be destroyed", () => Task.FromResult(Directory.EnumerateFiles(Path.Combine(house.Folder, "guardians"), "share-*.age", SearchOption.AllDirectories).All(f => f.EndsWith("-2.age", StringComparison.Ordinal))));
        var done = Assert.Single(await house.Client.RequestsAsync(Asset, default));
        Assert.Equal(("settled", "settled"), (done.State, Assert.Single(done.Uses).State));
        Assert.Equal(["year", "comments", "members"], result!["columns"]!.AsArray().Select(c => (string)c!["name"]!)); // two members are too few to be seen through the noise
        var money = await house.Client.MoneyAsync(Asset, default);
        Assert.Equal((new Money(25_000_000), new Money(0)), (money.Received, money.Claimable));
        Assert.Equal(money.Received.Units, money.Paid.Units + money.Claimable.Units + money.Dust.Units);
        await DoAsync(["explain", "--node", $"{house.Node}"], Never);

        // And it can be taken back.
        var withdrawn = await DoAsync(["withdraw", $"{contributions[0]}", .. house.Signing(Members[0])], async () => (await house.Client.ContributionAsync(contributions[0], default)).State == "withdrawn");
        Assert.Equal("withdrawn", (await house.Client.ContributionAsync(contributions[0], default)).State);
        Assert.True(withdrawn is null || (string?)Assert.Single(withdrawn["answers"]!.AsArray()) == $"{request}", "it says which answers it cannot take back");
        Assert.All((await house.Client.BlobsAsync(contributions[0], default)).Blobs, b => Assert.True(b.State is "destroying" or "destroyed", b.State));
    }

    private static Task<bool> Never() => Task.FromResult(false);

    private async Task<IReadOnlyList<BalanceInfo>> BalancesAsync() => await Task.WhenAll(Members.Select(m => house.Client.BalanceAsync(Asset, house.Key(m).SigningKey.Address, default)));

    // As the command says it: an upload that broke off is resumed; before that, one begins anew.
    private async Task<Hash32> ContributeAsync(string member)
    {
        var outgoing = Path.Combine(house.Folder, "outgoing");
        string error = "";
        for (int i = 0; i < Tries; i++)
        {
            var broken = Directory.Exists(outgoing) ? Directory.EnumerateDirectories(outgoing).SingleOrDefault(d => File.Exists(Path.Combine(d, "upload.json"))) : null;
            var (code, output, said) = broken is null
                ? await TroveCli.RunAsync(house.Folder, ["contribute", Path.Combine(house.Folder, member + ".zip"), "--to", "FAULT", "--exclude", "message", .. house.Signing(member), "--json"])
                : await TroveCli.RunAsync(house.Folder, "contribute", "--resume", Path.GetFileName(broken), "--node", $"{house.Node}");
            house.Note($"contribute {member}{(broken is null ? "" : " --resume")}: {code} {said.Split('\n')[0]}");
            if (code == 0)
                return broken is null ? Hash32.Parse((string)JsonNode.Parse(output)!["contribution"]!) : Hash32.Parse(Path.GetFileName(broken));
            error = said;
            await Task.Delay(300);
        }
        throw new TimeoutException($"contributing never worked: {error}");
    }

    // A command may fail and have worked, or work a moment later: who tries again looks first, and not too soon.
    private async Task<JsonNode?> DoAsync(string[] arguments, Func<Task<bool>> worked)
    {
        string error = "";
        for (int i = 0; i < Tries; i++)
        {
            var (code, output, said) = await TroveCli.RunAsync(house.Folder, [.. arguments, "--json"]);
            house.Note($"{arguments[0]} {arguments[1][..Math.Min(12, arguments[1].Length)]}: {code} {said.Split('\n')[0]}");
            if (code == 0)
                return JsonNode.Parse(output);
            error = said + output;
            for (int look = 0; look < 25;)
            {
                await Task.Delay(200);
                try
                {
                    if (await worked())
                        return null;
                    look++;
                }
                catch (TroveApiException)
                {
                    // Not up again.
                }
            }
        }
        throw new TimeoutException($"'{string.Join(' ', arguments)}' never worked: {error}");
    }

    private async Task UntilAsync(string what, Func<Task<bool>> come)
    {
        string error = "";
        for (int i = 0; i < 1500; i++)
        {
            try
            {
                if (await come())
                    return;
            }
            catch (TroveApiException e)
            {
                error = e.Message;
            }
            await Task.Delay(200);
        }
        throw new TimeoutException($"waited five minutes for {what}; {error}");
    }
}
