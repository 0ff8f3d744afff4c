using System.Text.Json;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Cli.Commands;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;
using static Trove.SystemTests.Api.SignedRequestTests;

namespace Trove.SystemTests.Api;

/// <summary>An owner gives its votes away and takes them back, through the node and on the chain; what delegates say, and what is no statement.</summary>
[Collection(nameof(RequestFixture))]
public sealed class DelegationTests(ApiFixture api, RequestFixture at)
{
    [Fact]
    public async Task Votes_go_to_the_delegate_and_come_back()
    {
        using var friend = SigningKey.Generate();
        using var chain = new EthClient(new Uri(at.Client.Node, api.Info.Rpc));
        var token = new ShareToken(at.Asset.Asset);
        var own = await at.Client.VotesAsync(at.Asset.Asset, at.Owner.Address, default);
        Assert.Equal((own.Shares, at.Owner.Address, 0), (own.Votes, own.Delegate!.Value, own.Delegators));

        var given = await DelegateCommands.DelegateAsync(at.Client, api.Info, at.Asset, at.Owner, friend.Address, default);
        Assert.Equal((own.Shares, default(Shares), friend.Address, own.Nonce + 1), (given.Shares, given.Votes, given.Delegate!.Value, given.Nonce));
        Assert.Equal(own.Shares.Units, (UInt128)await token.GetVotesAsync(chain, friend.Address));
        Assert.Equal((own.Shares, 1), ((await at.Client.VotesAsync(at.Asset.Asset, friend.Address, default)).Votes, (await at.Client.VotesAsync(at.Asset.Asset, friend.Address, default)).Delegators));
        var listed = Assert.Single(await at.Client.DelegatesAsync(at.Asset.Asset, default), d => d.Delegate == friend.Address);
        Assert.Equal((own.Shares, 1, null), (listed.Votes, listed.Delegators, listed.Statement));

        var back = await DelegateCommands.DelegateAsync(at.Client, api.Info, at.Asset, at.Owner, at.Owner.Address, default);
        Assert.Equal((own.Shares, at.Owner.Address), (back.Votes, back.Delegate!.Value));
        Assert.DoesNotContain(await at.Client.DelegatesAsync(at.Asset.Asset, default), d => d.Delegate == friend.Address);
    }

    [Fact]
    public async Task Delegations_refused()
    {
        using var stranger = SigningKey.Generate();
        var next = (await at.Client.VotesAsync(at.Asset.Asset, at.Owner.Address, default)).Nonce;
        Task<VotesInfo> Send(DelegationRequest r) => at.Client.DelegateAsync(at.Asset.Asset, r, default);
        DelegationRequest Signed(SigningKey by, Address to, ulong nonce, long expiry, Address? token = null, string? name = null, ulong chain = 0) => new(by.Address, to, nonce, expiry,
            Hex.Encode(by.Sign(ContractDigests.Delegation(api.Info.ChainId + chain, token ?? at.Asset.Asset, name ?? at.Asset.Name, to, nonce, (ulong)expiry))));
        var to = stranger.Address;
        Assert.Equal(400, (await RefusedAsync("invalid", () => Send(Signed(at.Owner, default, next, Member.Soon())))).Status);
        await RefusedAsync("expired", () => Send(Signed(at.Owner, to, next, 1)));
        await RefusedAsync("expired", () => Send(Signed(at.Owner, to, next, 1) with { Expiry = -1 }));
        await RefusedAsync("deadline-too-far", () => Send(Signed(at.Owner, to, next, Member.Soon() + 2 * 86400)));
        await RefusedAsync("wrong-signature", () => Send(Signed(stranger, to, next, Member.Soon()) with { Delegator = at.Owner.Address }));
        await RefusedAsync("wrong-signature", () => Send(Signed(at.Owner, to, next, Member.Soon()) with { Delegatee = at.Buyer.Address }));
        await RefusedAsync("wrong-signature", () => Send(Signed(at.Owner, to, next, Member.Soon()) with { Nonce = next + 1 }));
        await RefusedAsync("wrong-signature", () => Send(Signed(at.Owner, to, next, Member.Soon(), token: at.Bare.Asset)));
        await RefusedAsync("wrong-signature", () => Send(Signed(at.Owner, to, next, Member.Soon(), name: "Another")));
        await RefusedAsync("wrong-signature", () => Send(Signed(at.Owner, to, next, Member.Soon(), chain: 1)));
        await RefusedAsync("nonce-ahead", () => Send(Signed(at.Owner, to, next + 1, Member.Soon())));
        Assert.Equal(403, (await RefusedAsync("no-votes", () => Send(Signed(stranger, at.Owner.Address, 0, Member.Soon())))).Status);
        Assert.Equal(next, (await at.Client.VotesAsync(at.Asset.Asset, at.Owner.Address, default)).Nonce); // nothing of it reached the token

        // A client that lost the answer asks again; one that signed an old nonce for something else is told.
        var again = Signed(at.Owner, at.Owner.Address, next, Member.Soon());
        Assert.Equal(next + 1, (await Send(again)).Nonce);
        Assert.Equal(next + 1, (await Send(again)).Nonce);
        await RefusedAsync("nonce-used", () => Send(Signed(at.Owner, to, next, Member.Soon())));
        Assert.Equal(at.Owner.Address, (await at.Client.VotesAsync(at.Asset.Asset, at.Owner.Address, default)).Delegate);
    }

    [Fact]
    public async Task Statements_are_kept_by_revision_and_checked_by_who_reads_them()
    {
        using var stranger = SigningKey.Generate();
        var me = at.Owner.Address;
        StatementRequest Signed(string text, ulong revision, SigningKey? by = null, Address? asset = null, Address? of = null) => new(text, revision,
            Hex.Encode((by ?? at.Owner).Sign(Messages.DelegateStatement(Messages.Domain(api.Info.ChainId, at.Asset.Ledger), asset ?? at.Asset.Asset, of ?? me, text, revision))));
        Task<StatementInfo> Put(StatementRequest s, Address? of = null) => at.Client.StateAsync(at.Asset.Asset, of ?? me, s, default);
        foreach (var text in new[] { "", "two\nlines", "nul\0", "\u001b[31m", "\u202ereversed", new string('x', 2001) })
            Assert.Equal(400, (await RefusedAsync("invalid", () => Put(Signed(text, 1)))).Status);
        await RefusedAsync("invalid", () => Put(Signed("I read every query", 0)));
        await RefusedAsync("invalid", () => Put(Signed("I read every query", 1UL << 63)));
        await RefusedAsync("wrong-signature", () => Put(Signed("I read every query", 1, stranger)));
        await RefusedAsync("wrong-signature", () => Put(Signed("I read every query", 1) with { Text = "I read nothing" }));
        await RefusedAsync("wrong-signature", () => Put(Signed("I read every query", 1) with { Revision = 2 }));
        await RefusedAsync("wrong-signature", () => Put(Signed("I read every query", 1, asset: at.Bare.Asset)));
        await RefusedAsync("no-votes", () => Put(Signed("I own nothing", 1, stranger, of: stranger.Address), stranger.Address));

        ulong now = at.NextRevision();
        await Put(Signed("I read every query", now));
        await Put(Signed("I read every query", now)); // asked again
        await RefusedAsync("old-revision", () => Put(Signed("I read most queries", now)));
        await RefusedAsync("old-revision", () => Put(Signed("I read some queries", now - 1)));
        var kept = Assert.Single(await at.Client.DelegatesAsync(at.Asset.Asset, default), d => d.Delegate == me).Statement!;
        Assert.Equal(("I read every query", now), (kept.Text, kept.Revision));
        Assert.True(DelegateCommands.IsSigned(api.Info.ChainId, at.Asset, me, kept));
        Assert.False(DelegateCommands.IsSigned(api.Info.ChainId, at.Asset, me, kept with { Text = "I read nothing" }));
        Assert.False(DelegateCommands.IsSigned(api.Info.ChainId, at.Asset, me, kept with { Revision = now + 1 }));
        Assert.False(DelegateCommands.IsSigned(api.Info.ChainId, at.Bare, me, kept));
        Assert.False(DelegateCommands.IsSigned(api.Info.ChainId + 1, at.Asset, me, kept));
        Assert.False(DelegateCommands.IsSigned(api.Info.ChainId, at.Asset, stranger.Address, kept));
        Assert.False(DelegateCommands.IsSigned(api.Info.ChainId, at.Asset, me, kept with { Signature = "0x" }));
    }

    [Fact]
    public async Task Bodies_that_are_no_delegation_and_no_statement_are_refused()
    {
        foreach (var body in new[] { "", "null", "[]", "{}", JsonSerializer.Serialize(new { delegator = at.Owner.Address.ToString(), delegatee = "0x", nonce = 0, expiry = 1, signature = "0x" }),
            $"{{\"delegator\":\"{at.Owner.Address}\",\"delegatee\":\"{at.Owner.Address}\",\"nonce\":-1,\"expiry\":1,\"signature\":\"0x\"}}",
            $"{{\"delegator\":\"{at.Owner.Address}\",\"delegatee\":\"{at.Owner.Address}\",\"nonce\":18446744073709551616,\"expiry\":1,\"signature\":\"0x\"}}" })
            Assert.Equal(400, await StatusAsync(HttpMethod.Post, "delegations", body));
        foreach (var body in new[] { "", "null", "[]", "{}", "{\"text\":null,\"revision\":1,\"signature\":\"0x\"}", "{\"text\":\"\\ud83c\",\"revision\":1,\"signature\":\"0x\"}", "{\"text\":\"x\",\"revision\":1,\"signature\":\"0x\"}" })
            Assert.Equal(400, await StatusAsync(HttpMethod.Put, $"delegates/{at.Owner.Address}/statement", body));
        Assert.Equal(400, await StatusAsync(HttpMethod.Get, "delegates?after=nobody", null));
        Assert.Equal(400, await StatusAsync(HttpMethod.Get, "votes/me", null));
    }

    private async Task<int> StatusAsync(HttpMethod method, string path, string? body)
    {
        using var request = new HttpRequestMessage(method, $"/api/v1/assets/{at.Asset.Asset}/{path}");
        if (body is not null)
            request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await api.Http.SendAsync(request);
        return (int)response.StatusCode;
    }
}
