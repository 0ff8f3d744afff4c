using System.Numerics;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Chain;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.Node.Runners;
using Trove.SystemTests.Api;
using Trove.SystemTests.Ceremonies;
using Trove.SystemTests.Story;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.Attacks;

/// <summary>A runner that posts garbage, and two that compute the use again.</summary>
public sealed partial class AttackersTests
{
    private static readonly Money Stake = new(100_000_000);

    private async Task GarbageIsDisputedByTwoRunnersWhoComputeTheSameAndItsStakePaysTheBuyerAsync()
    {
        using var founder = SigningKey.Generate();
        using var verifier = KeyFile.Create();
        using var liar = KeyFile.Create();
        using var second = KeyFile.Create();
        using var third = KeyFile.Create();
        KeyFile[] runners = [liar, second, third];
        List<EpochShares> shares = [];
        // The standing offer covers what is asked: no vote, and the same budget.
        var charter = ApiFixture.Small with
        {
            MinimumGroupSize = 1, UseTime = 600, ChallengeTime = 600, RunnerStake = Stake, Period = 86400, Budget = 3 * UseFixture.NoNoise,
            Standing = new StandingInfo(new Money(1_000_000), UseFixture.NoNoise, 1, 1), Fees = [new FeeInfo(founder.Address, 500)],
        };
        var asset = await ApiFixture.CreateAssetAsync(f.Client, f.Info, founder, [verifier], f.Guardians, 2, [.. runners.Select(r => r.SigningKey.Address)], "GARBAGE", ApiFixture.Quick, ApiFixture.Policy, shares, charter: charter);
        Assert.Equal(charter, asset.Charter);
        using var owner = await Owner.EarnAsync(f.Client, f.Info, asset, founder, verifier);
        await UseFixture.WaitAsync(async () => (await f.Client.DataAsync(asset.Asset, default)).SnapshotEpoch == 1);
        foreach (var runner in runners)
            await DepositAsync(asset, runner.SigningKey);

        var request = await f.RequestAsync(of: asset, fromYear: 0);
        request = await f.Client.RequestAsync(asset.Asset, request.Request, default);
        Assert.Equal("approved", request.State);
        var paid = await BalanceAsync(asset, f.Buyer.SigningKey.Address);

        // The liar opens the use, waits for nobody and posts what came to its mind.
        byte[] garbage = [1, 2, 3];
        var (oneTimeKey, inputs) = (Member.Fresh(), Member.Fresh());
        await f.Client.OpenUseAsync(asset.Asset, request.Request, new OpenUseRequest(liar.SigningKey.Address, 1, oneTimeKey, 1,
            Hex.Encode(liar.SigningKey.Sign(ContractDigests.OpenUse(f.Info.ChainId, asset.Grants, request.Request, 1, oneTimeKey, 1, liar.SigningKey.Address)))), default);
        Assert.Equal((UseFixture.NoNoise, 1u), ((await f.Client.DataAsync(asset.Asset, default)).Budget.Spent, (await f.Client.DataAsync(asset.Asset, default)).Budget.StandingUses));
        var posted = await f.Client.PostResultAsync(asset.Asset, request.Request, 1, new ResultRequest(Convert.ToBase64String(garbage), inputs,
            Hex.Encode(liar.SigningKey.Sign(ContractDigests.Result(f.Info.ChainId, asset.Grants, request.Request, 1, new Hash32(SHA256.HashData(garbage)), inputs, liar.SigningKey.Address)))), default);
        Assert.Equal(("posted", liar.SigningKey.Address), (posted.State, posted.Uses[0].PostedBy!.Value));
        Assert.Contains("can dispute it until", posted.Meaning, StringComparison.Ordinal);

        // One after the other, each with a one-time key, an executor and guardians' answers of its own.
        var guardians = new List<Func<CancellationToken, Task>>();
        for (int i = 0; i < 2; i++)
        {
            var folder = f.NewFolder();
            await Committees.GiveAsync(folder, f.Guardians[i], asset, shares[i]);
            guardians.Add(new GuardianProcess(f.Client, f.Chain, f.Guardians[i], new GuardianOptions(folder, 0, [asset.Asset]), NullLogger<GuardianProcess>.Instance, TimeProvider.System).RunAsync);
        }
        var log = new Lines();
        await UseFixture.PlayAsync([RunnerOf(second, request.Request).RunAsync, .. guardians], async () => (await StateAsync()) is ("posted", "disputed") or ("refunded", _));
        Assert.Equal(("posted", "disputed"), await StateAsync());
        await UseFixture.PlayAsync([RunnerOf(third).RunAsync, .. guardians], async () => (await StateAsync()).State is "settled" or "refunded");
        var done = await f.Client.RequestAsync(asset.Asset, request.Request, default);
        Assert.True(done.State == "refunded", $"{done.State}; {string.Join(" | ", log.All)}");
        Assert.Contains("computed different things", done.Meaning, StringComparison.Ordinal);

        // What stopped it: two who computed the same bytes. The liar's stake is the buyer's, and so is the price.
        var stakes = new Stakes(asset.Stakes);
        var slashing = await stakes.SlashingOfAsync(f.Chain, 0);
        Assert.Equal((liar.SigningKey.Address, f.Buyer.SigningKey.Address, Stake.Units), (slashing.Account, slashing.To, slashing.Amount));
        Assert.Equal([BigInteger.Zero, Stake.Units, Stake.Units], await Task.WhenAll(runners.Select(r => stakes.ActiveOfAsync(f.Chain, r.SigningKey.Address))));
        await UseFixture.WaitAsync(async () => await BalanceAsync(asset, f.Buyer.SigningKey.Address) == paid + (BigInteger)request.Terms.Total.Units);
        Assert.Equal(default, (await f.Client.MoneyAsync(asset.Asset, default)).Received); // garbage is never paid for
        Tell("garbage", $"two other runners computed the same bytes; ${request.Terms.Total} went back, and the liar's stake of ${Stake} goes to the buyer");
        foreach (var share in shares)
            share.Dispose();

        // The second was told to dispute it; the third decides unasked.
        RunnerProcess RunnerOf(KeyFile key, params Hash32[] disputes) => new(f.Client, f.Chain, key, new ExecutorCommand(Environment.ProcessPath!, [TroveCli.Program, "execute-use"]), [asset.Asset], log, TimeProvider.System)
        {
            Disputes = disputes.ToHashSet(),
        };

        async Task<(string State, string Why)> StateAsync()
        {
            var r = await f.Client.RequestAsync(asset.Asset, request.Request, default);
            return (r.State, r.Meaning.StartsWith("two runners computed", StringComparison.Ordinal) ? "disputed" : "");
        }
    }

    private async Task DepositAsync(AssetInfo asset, SigningKey key)
    {
        var (nonce, until) = (Member.Fresh(), Member.Soon());
        await f.Client.FaucetAsync(new FaucetRequest(key.Address, Stake, nonce, until,
            Hex.Encode(key.Sign(Messages.TestDollars(Messages.Domain(f.Info.ChainId, f.Info.Factory), key.Address, Stake, nonce, until)))), default);
        var digest = ContractDigests.ReceiveWithAuthorization(f.Info.PaymentTokenDomain, key.Address, asset.Stakes, Stake.Units, (ulong)until, nonce);
        await f.Node.Services.GetRequiredService<ChainRelay>().SendAsync(key.Address, "stake",
            new Stakes(asset.Stakes).Deposit(key.Address, Stake.Units, 0, until, nonce, key.Sign(digest)), default);
    }

    private async Task<BigInteger> BalanceAsync(AssetInfo asset, Address of) => await new TestDollar(asset.PaymentToken).BalanceOfAsync(f.Chain, of);
}
