using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.Node.Verification;
using Trove.SystemTests.Api;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.Story;

/// <summary>
/// An asset whose shares vest, through the command line: who stays gets all of them, who leaves loses what is to come to the others, and
/// who contributes, claims and withdraws in a loop earns nothing.
/// </summary>
public sealed class VestingStoryTests(ApiFixture api) : IAsyncLifetime
{
    private const string Passphrase = "a passphrase of this test";
    private readonly string _folder = TestFolder.Create();
    private readonly Dictionary<string, KeyFile> _keys = [];
    private Address _asset;

    public async ValueTask InitializeAsync()
    {
        await api.ReadyAsync();
        File.WriteAllText(Path.Combine(_folder, "pass.txt"), Passphrase + "\n");
        foreach (var name in (string[])["founder", "verifier", "guardian", "stays", "leaves", "loops"])
        {
            using var secret = new SecretBytes(Encoding.ASCII.GetBytes(Passphrase));
            (_keys[name] = KeyFile.Create()).Save(Path.Combine(_folder, name + ".key"), secret, workFactor: 10);
        }
    }

    public ValueTask DisposeAsync()
    {
        foreach (var key in _keys.Values)
            key.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Who_stays_gets_all_and_who_leaves_loses_what_is_to_come_to_the_others()
    {
        using var chain = new EthClient(new Uri(api.Client.Node, api.Info.Rpc));
        var guardian = new GuardianProcess(api.Client, chain, _keys["guardian"], new GuardianOptions(Path.Combine(_folder, "guardian"), 0, []), NullLogger<GuardianProcess>.Instance, TimeProvider.System);
        var verifier = new VerifierProcess(api.Client, chain, _keys["verifier"], Path.Combine(_folder, "verifier"), ApiFixture.NoDns, ApiFixture.NoPages, NullLogger<VerifierProcess>.Instance);
        await UseFixture.PlayAsync([guardian.RunAsync, verifier.RunAsync], TellStoryAsync);
    }

    private async Task TellStoryAsync()
    {
        var verifier = _keys["verifier"];
        var created = await TroveCli.JsonAsync(_folder, ["asset", "create", "--name", "Of steps", "--symbol", "STEPS", .. Signing("founder"), "--verifier", $"{verifier.SigningKey.Address}={verifier.Identity.Recipient}",
            "--guardian", $"{_keys["guardian"].SigningKey.Address}", "--minimum-words", "5", "--vesting", "2"]);
        _asset = Address.Parse((string)created["asset"]!);
        Assert.Equal(2, (int)created["vestingEpochs"]!);
        Assert.Contains("in 2 equal steps", await TextAsync("asset", "show", $"{_asset}"), StringComparison.Ordinal);

        // With its own epoch nothing is anybody's yet.
        var stays = await ContributeAsync("stays", "The harbour master writes down what the tide brought in every morning", "And somebody mends another net before the winter storms arrive from the north");
        var leaves = await ContributeAsync("leaves", "Nobody in this village counts its lanterns after the market has closed", "Three ropes and an anchor were all that remained of her grandfather's boat");
        await CloseAsync();
        var (whole, other) = (await VestingAsync(stays), await VestingAsync(leaves));
        Assert.Equal((default, default, whole.Amount, 0), (whole.HandedOut, whole.Ready, whole.Unvested, whole.Due));
        Assert.Contains($"{other.Amount} shares: 0 yours, {other.Amount} to come over 2 more epochs; leave now and you lose {other.Amount}", await TextAsync("contributions", "--asset", $"{_asset}", "--owner", $"{Owner("leaves")}"), StringComparison.Ordinal);

        // With the next half of it is, without anybody asking.
        var loops = await ContributeAsync("loops", "Her barometer fell on Thursday and everyone hauled the boats above the shingle", "We painted seven oars green because the chandler had no other colour left");
        await CloseAsync();
        var half = Half(whole.Amount);
        await UseFixture.WaitAsync(async () => (await BalanceAsync("stays")) is var b && b.Shares == half && b.Unclaimed.Units == 0);
        Assert.Equal((half, 1), ((await VestingAsync(stays)).HandedOut, (await BalanceAsync("stays")).UnvestedEpochs));
        Assert.Contains($"to come    {whole.Amount - half} over 1 more epoch", await TextAsync("balance", "--asset", $"{_asset}", "--owner", $"{Owner("stays")}"), StringComparison.Ordinal);
        await TroveCli.JsonAsync(_folder, ["pay", "90", "--to", $"{_asset}", "--test-dollars", .. Signing("founder")]);

        // Contributed, claimed, withdrawn: nothing, and what the shares had earned goes to the others.
        var claimed = await TroveCli.JsonAsync(_folder, ["claim", "--asset", $"{_asset}", .. Signing("loops")]);
        Assert.Equal(("0", "0", "0"), ((string?)claimed["shares"], (string?)claimed["claimable"], (string?)claimed["paid"]));
        var mine = await VestingAsync(loops);
        await WithdrawAsync("loops", loops, mine.Amount, 1);
        var nothing = await BalanceAsync("loops");
        Assert.Equal((default, default, default, default, mine.Amount), (nothing.Shares, nothing.Unvested, nothing.Claimable, nothing.UnvestedMoney, nothing.Lost));

        // Who leaves after half of it keeps that half, and the others get exactly what the other half had earned.
        var (before, left) = (await EarnedAsync("stays"), await EarnedAsync("leaves"));
        await WithdrawAsync("leaves", leaves, other.Amount - Half(other.Amount), 2);
        var lapse = (await api.Client.MoneyAsync(_asset, default)).Lapses[1];
        Assert.Equal(((Shares?)(other.Amount - Half(other.Amount)), whole.Amount + Half(other.Amount)), (lapse.Lapsed, lapse.Supply));
        Assert.InRange((BigInteger)lapse.Amount.Units - (BigInteger)left.Units / 2, -1, 1);
        var expected = (BigInteger)lapse.Amount.Units * (BigInteger)whole.Amount.Units / (BigInteger)lapse.Supply.Units;
        Assert.InRange((BigInteger)(await EarnedAsync("stays")).Units - (BigInteger)before.Units - expected, 0, 1); // both were rounded down
        Assert.InRange((int)(90_000_000 - (await EarnedAsync("stays")).Units - (await EarnedAsync("leaves")).Units), 0, 3);

        // An epoch without contributions lets the rest vest; the same texts earn nothing a second time; then there is nothing to close an epoch for.
        await CloseAsync();
        await UseFixture.WaitAsync(async () => (await BalanceAsync("stays")) is var b && b.Shares == whole.Amount && b.Unclaimed.Units == 0);
        var again = await ContributeAsync("loops");
        await CloseAsync();
        Assert.Equal(default, (await api.Client.ContributionAsync(again, default)).Reward!.Amount);
        var (code, _, error) = await TroveCli.RunAsync(_folder, ["epoch", "close", "--asset", $"{_asset}", .. Signing("founder")]);
        Assert.True(code == 1 && error.Contains("no verified contribution", StringComparison.Ordinal), error);

        foreach (var owner in (string[])["stays", "leaves", "loops"])
            await TroveCli.JsonAsync(_folder, ["claim", "--asset", $"{_asset}", .. Signing(owner)]);
        Assert.Equal(default, (await BalanceAsync("loops")).Paid);
        var money = await api.Client.MoneyAsync(_asset, default);
        Assert.Equal((new Money(90_000_000), default, default, money.Received), (money.Received, money.Claimable, money.Waiting, money.Paid + money.Dust));
        Assert.Contains("went to all others", await TextAsync("explain", "--asset", $"{_asset}"), StringComparison.Ordinal);
        var steps = await TextAsync("explain", $"{leaves}");
        Assert.Contains($"vest in 2 steps, one with each epoch after epoch 1\n    epoch 2: {Half(other.Amount)} shares, yours\n    epoch 3: {other.Amount - Half(other.Amount)} shares, lapsed", steps, StringComparison.Ordinal);
    }

    private async Task WithdrawAsync(string owner, Hash32 id, Shares lost, int lapses)
    {
        var (code, output, error) = await TroveCli.RunAsync(_folder, ["withdraw", $"{id}", .. Signing(owner), "--json"]);
        Assert.True(code == 0, error);
        Assert.Contains($"leave now and you lose {lost}", error, StringComparison.Ordinal); // said before it was done
        Assert.Equal(lost.Units.ToString(CultureInfo.InvariantCulture), (string?)JsonNode.Parse(output)!["lost"]);
        await UseFixture.WaitAsync(async () => (await api.Client.MoneyAsync(_asset, default)).Lapses.Count == lapses);
        Assert.Equal(lost, (await VestingAsync(id)).Lapsed);
    }

    // The second time without texts: the same file.
    private async Task<Hash32> ContributeAsync(string owner, params string[] texts)
    {
        var file = Path.Combine(_folder, owner + ".zip");
        if (texts.Length > 0)
            Exports.WriteReddit(file, "sailor_" + owner, texts, ["kept at home"]);
        var id = Hash32.Parse((string)(await TroveCli.JsonAsync(_folder, ["contribute", file, "--to", $"{_asset}", "--exclude", "message", .. Signing(owner)]))["contribution"]!);
        await UseFixture.WaitAsync(async () => (await api.Client.ContributionAsync(id, default)).State == "attested");
        return id;
    }

    private async Task CloseAsync() =>
        Assert.Equal("posted", (string?)(await TroveCli.JsonAsync(_folder, ["epoch", "close", "--asset", $"{_asset}", .. Signing("founder")]))["state"]);

    private async Task<Core.Payouts.VestingState> VestingAsync(Hash32 id) => (await api.Client.ContributionAsync(id, default)).Vesting!;

    private Task<BalanceInfo> BalanceAsync(string owner) => api.Client.BalanceAsync(_asset, Owner(owner), default);

    private async Task<Money> EarnedAsync(string owner) => await BalanceAsync(owner) is var b ? b.Claimable + b.UnvestedMoney : default;

    private async Task<string> TextAsync(params string[] arguments)
    {
        var (code, output, error) = await TroveCli.RunAsync(_folder, [.. arguments, "--node", $"{api.Client.Node}"]);
        Assert.True(code == 0, output + error);
        return output;
    }

    private Address Owner(string name) => _keys[name].SigningKey.Address;

    private string[] Signing(string name) => ["--key", Path.Combine(_folder, name + ".key"), "--passphrase-file", Path.Combine(_folder, "pass.txt"), "--node", $"{api.Client.Node}"];

    private static Shares Half(Shares shares) => new(shares.Units / 2);
}
