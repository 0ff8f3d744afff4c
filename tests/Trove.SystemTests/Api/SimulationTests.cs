using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Cli.Commands;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.Node.Requests;

namespace Trove.SystemTests.Api;

/// <summary>What a proposal would do, tried on a copy of the node's own chain, which stays as it is.</summary>
[Collection(nameof(RequestFixture))]
public sealed class SimulationTests(ApiFixture api, RequestFixture at)
{
    [Fact]
    public async Task Simulations_tell_what_changes_and_change_nothing()
    {
        using var chain = new EthClient(new Uri(at.Client.Node, api.Info.Rpc));
        using var chosen = SigningKey.Generate();
        var runners = await ProposeAsync(new ProposedAction(ActionKind.Runners, Accounts: [chosen.Address]));
        var rules = at.Asset.Governance.Rules;
        rules = rules with { Constitution = rules.Constitution with { QuorumPercent = 77 } };
        var ruled = await ProposeAsync(new ProposedAction(ActionKind.Rules, Rules: rules));
        var pause = await ProposeAsync(new ProposedAction(ActionKind.Pause, Until: 4_000_000_000));
        var asked = await at.Client.RequestQueryAsync(at.Asset.Asset, at.Sign(at.Terms()), default);
        var approval = await at.ProposeAsync(asked.Request);
        // Over before a vote that begins now could take effect.
        var late = await at.Client.RequestQueryAsync(at.Asset.Asset, at.Sign(at.Terms() with { Expiry = (long)(await chain.GetBlockAsync(BlockTag.Latest))!.Timestamp + 15 }), default);
        var tooLate = await at.ProposeAsync(late.Request);

        var simulated = await SimulateAsync(runners);
        Assert.Equal(("runners", at.Runner.Address.ToString(), chosen.Address.ToString()), Assert.Single(Changes(simulated)));
        Assert.InRange(simulated.At, runners.Outlook!.EffectAt, long.MaxValue);
        Assert.False(await new Registry(at.Asset.Registry).IsRunnerAsync(chain, chosen.Address));

        var (fact, _, after) = Assert.Single(Changes(await SimulateAsync(ruled)));
        Assert.Equal("rules of constitution", fact);
        Assert.Contains("77 %", after, StringComparison.Ordinal);

        Assert.Equal(("paused", "no", "until 2096-10-02 07:06:40Z"), Assert.Single(Changes(await SimulateAsync(pause))));
        Assert.Equal(("request", "requested", "approved"), Assert.Single(Changes(await SimulateAsync(approval))));
        Assert.Equal("requested", (await at.Client.RequestAsync(at.Asset.Asset, asked.Request, default)).State);

        var refused = await SimulateAsync(tooLate);
        Assert.Contains("TooLate", refused.Error, StringComparison.Ordinal);
        Assert.Empty(Changes(refused));

        var revoked = Changes(await SimulateAsync(await ProposeAsync(new ProposedAction(ActionKind.Revoke, asked.Request))));
        Assert.Contains(("request", "requested", "refunded"), revoked);
        Assert.Equal(["request", "buyer's credit", "in escrow", "waits for buyers"], revoked.Select(c => c.Fact));
        Assert.Equal(404, (await Assert.ThrowsAsync<TroveApiException>(() => at.Client.SimulateAsync(at.Asset.Asset, asked.Request, default))).Status);
    }

    [Fact]
    public async Task More_than_two_at_once_wait_their_turn()
    {
        var proposal = await ProposeAsync(new ProposedAction(ActionKind.Pause, Until: 1));
        var outcomes = await Task.WhenAll(Enumerable.Range(0, ProposalSimulator.AtOnce + 2).Select(_ => Record.ExceptionAsync(() => RawAsync(proposal)).AsTask()));
        Assert.Contains(outcomes, e => e is TroveApiException { Status: 503, Code: "simulations-busy" });
        Assert.Contains(outcomes, e => e is null);
        Assert.Null((await SimulateAsync(proposal)).Error); // the places are given back
    }

    // Without the client's patience, which sends again what a node is too busy for.
    private async Task RawAsync(ProposalInfo p)
    {
        using var response = await api.Http.PostAsync($"/api/v1/assets/{at.Asset.Asset}/proposals/{p.Proposal}/simulation", null);
        if (!response.IsSuccessStatusCode)
            throw new TroveApiException((int)response.StatusCode, System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStreamAsync()).RootElement.GetProperty("code").GetString()!, "", "");
    }

    private Task<SimulationInfo> SimulateAsync(ProposalInfo p) => at.Client.SimulateAsync(at.Asset.Asset, p.Proposal, default);

    private Task<ProposalInfo> ProposeAsync(ProposedAction action) => VoteCommands.ProposeAsync(at.Client, api.Info, at.Asset, at.Owner, action, $"Simulated {Guid.NewGuid():N}", default);

    private static List<(string Fact, string Before, string After)> Changes(SimulationInfo s) => [.. s.Facts.Where(f => f.Before != f.After).Select(f => (f.Fact, f.Before, f.After))];
}
