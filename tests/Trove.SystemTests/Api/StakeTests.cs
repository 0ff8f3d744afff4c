using System.Text.Json.Nodes;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.SystemTests.Story;
using static Trove.SystemTests.Api.SignedRequestTests;

namespace Trove.SystemTests.Api;

/// <summary>An operator's money goes in, counts, leaves after the cool-down, or is taken away; on a real chain whose time the test moves on.</summary>
public sealed class StakeTests
{
    private static readonly TimeSpan CoolDown = TimeSpan.FromDays(90), Appeal = TimeSpan.FromDays(45); // Stakes.COOL_DOWN, APPEAL

    [Fact]
    public async Task Stake_goes_in_and_comes_back_after_the_cool_down()
    {
        await using var house = await StakeHouse.StartAsync();
        var (client, asset, me) = (house.Client, house.Asset.Asset, house.Operator.Address);
        var none = await client.StakeAsync(asset, me, default);
        Assert.Equal(new StakeInfo(asset, me, default, default, null, default, StakeHouse.RunnerStake, StakeHouse.VerifierStake), none);

        var poor = await house.SignDepositAsync(new Money(5), funded: false);
        await RefusedAsync("too-little-money", () => client.DepositAsync(asset, poor, default));
        var deposit = await house.SignDepositAsync(new Money(250_000_000));
        using (var stranger = SigningKey.Generate())
            await RefusedAsync("wrong-signature", () => client.DepositAsync(asset, deposit with { Account = stranger.Address }, default));
        await RefusedAsync("wrong-signature", () => client.DepositAsync(asset, deposit with { Amount = new Money(250_000_001) }, default));
        Assert.Equal(default, (await client.StakeAsync(asset, me, default)).Active);
        Assert.Equal(new Money(250_000_000), (await client.DepositAsync(asset, deposit, default)).Active);
        Assert.Equal(new Money(250_000_000), (await client.DepositAsync(asset, deposit, default)).Active); // the answer was lost
        Assert.Equal(default, await house.MoneyAsync(me));
        var reused = await house.SignDepositAsync(new Money(7));
        await RefusedAsync("nonce-used", async () => await client.DepositAsync(asset, Resign(house, reused with { Nonce = deposit.Nonce }), default));

        await RefusedAsync("not-free", () => client.UnstakeAsync(asset, me, house.SignUnstake(new Money(250_000_001)), default));
        var leave = house.SignUnstake(new Money(100_000_000));
        await RefusedAsync("wrong-signature", () => client.UnstakeAsync(asset, me, leave with { Amount = new Money(100_000_001) }, default));
        var left = await client.UnstakeAsync(asset, me, leave, default);
        Assert.Equal((new Money(150_000_000), new Money(100_000_000)), (left.Active, left.Leaving));
        Assert.Equal(left, await client.UnstakeAsync(asset, me, leave, default)); // once, however often it is sent
        var early = await RefusedAsync("too-early", () => client.WithdrawStakeAsync(asset, me, default));
        Assert.Contains(left.LeavesAt!.Value.ToString(System.Globalization.CultureInfo.InvariantCulture), early.Message, StringComparison.Ordinal);

        await house.PassAsync(CoolDown);
        var rest = await client.WithdrawStakeAsync(asset, me, default);
        Assert.Equal((new Money(150_000_000), default(Money), null), (rest.Active, rest.Leaving, rest.LeavesAt));
        Assert.Equal(new Money(100_000_007), await house.MoneyAsync(me));
        Assert.Equal(rest, await client.WithdrawStakeAsync(asset, me, default));
        Assert.Equal(new Money(100_000_007), await house.MoneyAsync(me));
        Assert.Empty(await client.SlashingsAsync(asset, default));
        await house.AuditAsync();
    }

    [Fact]
    public async Task What_is_taken_away_waits_for_an_appeal_and_is_paid()
    {
        await using var house = await StakeHouse.StartAsync();
        var (client, asset, me) = (house.Client, house.Asset.Asset, house.Operator.Address);
        await client.DepositAsync(asset, await house.SignDepositAsync(new Money(500)), default);
        await client.UnstakeAsync(asset, me, house.SignUnstake(new Money(100)), default);
        Assert.Equal("not-found", (await RefusedAsync("not-found", () => client.PaySlashingAsync(asset, 0, default))).Code);
        await house.SlashAsync();

        var lost = await client.StakeAsync(asset, me, default);
        Assert.Equal((default(Money), default(Money), null), (lost.Active, lost.Leaving, lost.LeavesAt)); // what was leaving too
        var slashings = await client.SlashingsAsync(asset, default);
        Assert.Equal([(0, "appealable", me, new Money(50)), (1, "appealable", me, new Money(450))], slashings.Select(s => (s.Number, s.State, s.Account!.Value, s.Amount)));
        Assert.Equal(house.Asset.Timelock, slashings[1].To);
        using (var first = await house.Http.GetAsync($"/api/v1/assets/{asset}/slashings?limit=1"))
            Assert.Equal($"</api/v1/assets/{asset}/slashings?after=0&limit=1>; rel=\"next\"", first.Headers.GetValues("Link").Single());
        using (var second = await house.Http.GetAsync($"/api/v1/assets/{asset}/slashings?after=0&limit=1"))
        {
            Assert.Equal(1, (int)Assert.Single(JsonNode.Parse(await second.Content.ReadAsStringAsync())!.AsArray())!["number"]!);
            Assert.False(second.Headers.Contains("Link"));
        }
        foreach (var beyond in new[] { "1", "2", "9223372036854775807" })
            Assert.Equal("[]", await house.Http.GetStringAsync($"/api/v1/assets/{asset}/slashings?after={beyond}"));
        await RefusedAsync("too-early", () => client.PaySlashingAsync(asset, 1, default));

        await house.PassAsync(Appeal);
        Assert.All(await client.SlashingsAsync(asset, default), s => Assert.Equal("payable", s.State));
        var closed = new SlashingInfo(1, "closed", null, null, default, null);
        Assert.Equal(closed, await client.PaySlashingAsync(asset, 1, default));
        Assert.Equal(closed, await client.PaySlashingAsync(asset, 1, default)); // once, however often it is asked for
        Assert.Equal(new Money(450), await house.MoneyAsync(house.Asset.Timelock));
        Assert.Equal(["payable", "closed"], (await client.SlashingsAsync(asset, default)).Select(s => s.State));
        await house.AuditAsync();
    }

    [Fact]
    public async Task Command_line_puts_stake_in_shows_it_and_takes_it_out()
    {
        await using var house = await StakeHouse.StartAsync();
        var (key, pass) = (Path.Combine(house.Folder, "operator.key"), Path.Combine(house.Folder, "pass.txt"));
        await File.WriteAllTextAsync(pass, "a passphrase of this test\n");
        using var keys = KeyFile.Create();
        using (var secret = PassphraseSource.FromFile(pass))
            keys.Save(key, secret, workFactor: 10);
        string[] signing = ["--asset", "STAKED", "--key", key, "--passphrase-file", pass];

        var (code, output, error) = await TroveCli.RunAsync(house.Folder, ["stake", "deposit", "300", "--test-dollars", .. signing]);
        Assert.True(code == 0, error);
        Assert.Contains("active   $300.00", output, StringComparison.Ordinal);
        (code, _, error) = await TroveCli.RunAsync(house.Folder, ["stake", "deposit", "1", .. signing]);
        Assert.Equal(1, code);
        Assert.Contains("bring the money to that account first", error, StringComparison.Ordinal);
        (code, _, error) = await TroveCli.RunAsync(house.Folder, ["stake", "withdraw", .. signing]);
        Assert.Equal(1, code);
        Assert.Contains("trove stake leave AMOUNT", error, StringComparison.Ordinal);
        (code, output, error) = await TroveCli.RunAsync(house.Folder, ["stake", "leave", "120.5", .. signing]);
        Assert.True(code == 0, error);
        Assert.Contains("leaving  $120.50, to be withdrawn from ", output, StringComparison.Ordinal);
        (code, _, error) = await TroveCli.RunAsync(house.Folder, ["stake", "withdraw", .. signing]);
        Assert.Equal(1, code);
        Assert.Contains("is paid from second", error, StringComparison.Ordinal);
        var shown = await TroveCli.JsonAsync(house.Folder, "stake", "show", "--asset", "STAKED", "--account", keys.SigningKey.Address.ToString());
        Assert.Equal(("179500000", "120500000"), ((string)shown["active"]!, (string)shown["leaving"]!));
        (_, output, _) = await TroveCli.RunAsync(house.Folder, "stake", "slashings", "--asset", "STAKED");
        Assert.Equal("nobody has lost stake in STAKED\n", output);
    }

    private static DepositRequest Resign(StakeHouse house, DepositRequest r) => r with
    {
        Signature = Hex.Encode(house.Operator.Sign(Trove.Chain.ContractDigests.ReceiveWithAuthorization(house.Info.PaymentTokenDomain, r.Account, house.Asset.Stakes, r.Amount.Units, (ulong)r.ValidBefore, r.Nonce))),
    };
}
