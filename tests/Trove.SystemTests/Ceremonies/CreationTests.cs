using System.Net;
using System.Text;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Ceremonies;
using Trove.Node.Database;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.Ceremonies;

/// <summary>Guardians make an asset's keys through a node, which can make that fail and no more.</summary>
public sealed class CreationTests(ApiFixture api) : IAsyncLifetime
{
    private readonly SigningKey _founder = SigningKey.Generate();
    private readonly List<SigningKey> _guardians = [SigningKey.Generate(), SigningKey.Generate(), SigningKey.Generate()];
    private EthClient _chain = null!;

    private TroveClient Client => api.Client;

    public async ValueTask InitializeAsync()
    {
        await api.ReadyAsync();
        _chain = new EthClient(new Uri(Client.Node, api.Info.Rpc));
    }

    [Fact]
    public async Task Guardians_make_the_keys_that_an_asset_is_created_with()
    {
        var salt = Member.Fresh();
        var (request, terms) = await Guild.RequestAsync(api.Info, _chain, _founder, salt, _guardians, 2);
        var begun = await Client.StartCeremonyAsync(request, default);
        Assert.Equal((terms.Id, "open", "join", _founder.Address, request.Signature), (begun.Id, begun.State, begun.Round, begun.Founder, begun.Signature));
        Assert.Equal(terms.Bytes.ToArray(), Convert.FromBase64String(begun.Terms));
        Assert.Equal(begun, await Client.StartCeremonyAsync(request, default) with { Findings = begun.Findings, Messages = begun.Messages, Closings = begun.Closings }); // the same again
        using var guild = new Guild(terms, _guardians);
        await guild.RoundAsync(Client, guild.Seats);
        var seen = Assert.Single(await Client.GuardianCeremoniesAsync(_guardians[2].Address, default));
        Assert.Equal((terms.Id, "deal", 0, 0), (seen.Id, seen.Round, seen.Messages.Count, seen.Closings.Count));
        var done = await guild.RunAsync(Client);
        Assert.Equal(("done", "confirm", null, 12, 4), (done.State, done.Round, done.Failure, done.Messages.Count, done.Closings.Count));
        Assert.Empty(done.Findings);
        foreach (var shares in guild.Shares(done.Result!))
            shares.Dispose();
        var asset = await guild.FoundAsync(Client, api.Info, _founder, salt, done.Result!, api.Verifiers, "MADE");
        Assert.Equal((done.Result!.Recipient, 1u), (asset.Recipient, asset.Custody.Epoch));
        Assert.Equal(done.Result.OprfCommitments, asset.Custody.OprfCommitments);
        Assert.Equal("done", Assert.Single(await Client.GuardianCeremoniesAsync(_guardians[0].Address, default)).State);

        await RefusedAsync(409, "asset-exists", async () => await Client.StartCeremonyAsync((await Guild.RequestAsync(api.Info, _chain, _founder, salt, _guardians, 2)).Request, default));
        await RefusedAsync(409, "late", () => Client.SendCeremonyMessageAsync(terms.Id, guild.Forge(0, Convert.FromBase64String(done.Messages[^1]), body => body[0] ^= 1), default));
        await Client.SendCeremonyMessageAsync(terms.Id, Convert.FromBase64String(done.Messages[0]), default); // who lost the answer sends it again
        await guild.RunAsync(Client);
    }

    [Fact]
    public async Task Who_deals_a_wrong_share_is_named_and_left_out()
    {
        using var guild = await BeginAsync();
        await guild.RoundAsync(Client, guild.Seats);
        // The last share is that of the last member, of the function's key: it complains, and shows that share only.
        await guild.RoundAsync(Client, guild.Seats, (seat, message) => seat == 0 ? guild.Forge(0, message, body => body[^32] ^= 1) : message);
        var done = await guild.RunAsync(Client);
        Assert.Equal("done", done.State);
        Assert.Equal([new CeremonyFindingInfo("check", _guardians[0].Address, "wrong-share")], done.Findings);
        foreach (var shares in guild.Shares(done.Result!))
            shares.Dispose();
    }

    [Fact]
    public async Task Patience_ends_a_round_that_somebody_is_silent_in()
    {
        using var guild = await BeginAsync();
        await guild.RoundAsync(Client, guild.Seats);
        await guild.RoundAsync(Client, [0, 2]); // two dealers are enough
        Assert.Equal("deal", (await Client.CeremonyAsync(guild.Terms.Id, default)).Round);
        await AgeAsync("round_since", guild);
        await UseFixture.WaitAsync(async () => (await Client.CeremonyAsync(guild.Terms.Id, default)).Round == "check");
        var done = await guild.RunAsync(Client);
        Assert.Equal([new CeremonyFindingInfo("deal", _guardians[1].Address, "silent")], done.Findings);
        Assert.Equal("done", done.State);

        using var without = await BeginAsync();
        await without.RoundAsync(Client, [0, 1]);
        await AgeAsync("round_since", without);
        await UseFixture.WaitAsync(async () => (await Client.CeremonyAsync(without.Terms.Id, default)).State == "failed");
        var failed = await Client.CeremonyAsync(without.Terms.Id, default);
        Assert.Equal(("join", "member-missing", null), (failed.Round, failed.Failure, failed.Result));
        Assert.Equal([new CeremonyFindingInfo("join", _guardians[2].Address, "silent")], failed.Findings);

        using var forgotten = await BeginAsync();
        await AgeAsync("started_at", forgotten);
        await UseFixture.WaitAsync(async () => (await Client.CeremonyAsync(forgotten.Terms.Id, default)).Failure == "expired");
    }

    [Fact]
    public async Task A_message_is_good_for_one_ceremony_one_round_and_one_author()
    {
        using Guild one = await BeginAsync(), other = await BeginAsync();
        var join = (await one.NextAsync(Client, 0))!;
        await RefusedAsync(403, "foreign", () => Client.SendCeremonyMessageAsync(other.Terms.Id, join, default));
        // Signed for one ceremony, it is not signed for the other.
        var moved = (byte[])join.Clone();
        other.Terms.Id.CopyTo(moved.AsSpan(4 + "trove/ceremony-message/1".Length));
        await RefusedAsync(403, "wrong-signature", () => Client.SendCeremonyMessageAsync(other.Terms.Id, moved, default));
        using (var stranger = SigningKey.Generate())
        {
            using var alone = new Guild((await Guild.RequestAsync(api.Info, _chain, _founder, Member.Fresh(), [stranger], 1)).Terms, [stranger]);
            var said = alone[0].Next(stranger)!.Encode();
            one.Terms.Id.CopyTo(said.AsSpan(4 + "trove/ceremony-message/1".Length));
            await RefusedAsync(403, "foreign", () => Client.SendCeremonyMessageAsync(one.Terms.Id, said, default));
        }
        await Client.SendCeremonyMessageAsync(one.Terms.Id, join, default);
        await Client.SendCeremonyMessageAsync(one.Terms.Id, join, default);
        Assert.Single((await Client.CeremonyAsync(one.Terms.Id, default)).Messages);
        // A second one of its author is kept as a proof, a third is not.
        await Client.SendCeremonyMessageAsync(one.Terms.Id, one.Forge(0, join, body => body[^1] ^= 1), default);
        await RefusedAsync(409, "late", () => Client.SendCeremonyMessageAsync(one.Terms.Id, one.Forge(0, join, body => body[^1] ^= 2), default));
        var info = await Client.CeremonyAsync(one.Terms.Id, default);
        Assert.Equal(2, info.Messages.Count);
        Assert.Equal([new CeremonyFindingInfo("join", _guardians[0].Address, "equivocation")], info.Findings);
        await RefusedAsync(404, "not-found", () => Client.SendCeremonyMessageAsync(Member.Fresh(), join, default));
        await RefusedAsync(404, "not-found", () => Client.CeremonyAsync(Member.Fresh(), default));
    }

    [Fact]
    public async Task What_is_no_message_is_refused_whatever_its_size()
    {
        using var guild = await BeginAsync();
        var join = (await guild.NextAsync(Client, 0))!;
        foreach (var text in (string[])["", "AAAA", "no base64", Convert.ToBase64String(join)[..^4], Convert.ToBase64String(new byte[CeremonyMessage.MaxSize + 1]), new string('A', 100_000)])
            Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(guild.Terms.Id, $$"""{"message":"{{text}}"}"""));
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(guild.Terms.Id, """{"message":null}"""));
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(guild.Terms.Id, """{"message":"AAAA","round":1}"""));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await PostAsync(guild.Terms.Id, $$"""{"message":"{{new string('A', 2 << 20)}}"}"""));
        Assert.Empty((await Client.CeremonyAsync(guild.Terms.Id, default)).Messages);
    }

    [Fact]
    public async Task Nobody_begins_what_the_founder_did_not_sign_or_more_than_is_good()
    {
        var (good, _) = await Guild.RequestAsync(api.Info, _chain, _founder, Member.Fresh(), _guardians, 2);
        foreach (var changed in (CeremonyRequest[])[good with { Salt = Member.Fresh() }, good with { Nonce = Member.Fresh() }, good with { Threshold = 3 }, good with { Deadline = good.Deadline + 1 },
            good with { Guardians = [.. good.Guardians.Reverse()] }, good with { Founder = _guardians[0].Address }])
            await RefusedAsync(403, "wrong-signature", () => Client.StartCeremonyAsync(changed, default));
        await RefusedAsync(403, "expired", () => Client.StartCeremonyAsync(good with { Deadline = 1 }, default));
        foreach (var changed in (CeremonyRequest[])[good with { Threshold = 0 }, good with { Threshold = 4 }, good with { Threshold = uint.MaxValue }, good with { Guardians = [] }, good with { Guardians = [default] },
            good with { Guardians = [.. good.Guardians, good.Guardians[0]] }, good with { Guardians = [.. Enumerable.Repeat(good.Guardians[0], 5000)] }])
            await RefusedAsync(400, "invalid", () => Client.StartCeremonyAsync(changed, default));

        await Client.StartCeremonyAsync(good, default);
        // Another attempt for the same asset while one is open.
        await RefusedAsync(409, "ceremony-open", async () => await Client.StartCeremonyAsync((await Guild.RequestAsync(api.Info, _chain, _founder, good.Salt, _guardians, 2)).Request, default));
        for (int i = 1; i < CeremonyService.OpenOfOneFounder; i++)
            (await BeginAsync()).Dispose();
        await RefusedAsync(429, "too-many-ceremonies", BeginAsync);
    }

    public ValueTask DisposeAsync()
    {
        _chain?.Dispose();
        _founder.Dispose();
        _guardians.ForEach(g => g.Dispose());
        return ValueTask.CompletedTask;
    }

    private async Task<Guild> BeginAsync()
    {
        var (request, terms) = await Guild.RequestAsync(api.Info, _chain, _founder, Member.Fresh(), _guardians, 2);
        await Client.StartCeremonyAsync(request, default);
        return new Guild(terms, _guardians);
    }

    // Two hours pass for a ceremony.
    private async Task AgeAsync(string column, Guild guild)
    {
        await using var connection = await api.Node.Services.GetRequiredService<NodeDatabase>().Source.OpenConnectionAsync();
        Assert.Equal(1, await connection.ExecuteAsync($"update ceremony set {column} = {column} - interval '2 hours' where id = @Id", new { guild.Terms.Id }));
    }

    private async Task<HttpStatusCode> PostAsync(Hash32 id, string json)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/ceremonies/{id}/messages")
        {
            Content = new StringContent(json, Encoding.UTF8, "application/json"),
            Headers = { ExpectContinue = json.Length > 1 << 20 }, // an answer before the body is sent, not into it
        };
        using var response = await api.Http.SendAsync(request);
        return response.StatusCode;
    }

    private static async Task RefusedAsync(int status, string code, Func<Task> send)
    {
        var refusal = await Assert.ThrowsAsync<TroveApiException>(send);
        Assert.Equal((status, code), (refusal.Status, refusal.Code));
        Assert.NotEqual("", refusal.NextStep);
    }
}
