using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Cli.Commands;
using Trove.Core;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Chain;
using Trove.Node.Protocol;
using Trove.SystemTests.Attacks;
using Trove.SystemTests.Chain;

namespace Trove.SystemTests.Api;

/// <summary>A node of its own, whose chain's time a test moves on, and an asset for which verifiers and runners put money at stake.</summary>
internal sealed class StakeHouse : IAsyncDisposable
{
    private readonly SigningKey _founder = SigningKey.Generate();
    private readonly KeyFile _verifier = KeyFile.Create();
    private NodeHost _node = null!;

    public static readonly Money RunnerStake = new(250_000_000), VerifierStake = new(100_000_000);

    public string Folder { get; } = TestFolder.Create();

    public TroveClient Client { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    public NodeInfo Info { get; private set; } = null!;

    public AssetInfo Asset { get; private set; } = null!;

    public SigningKey Operator { get; } = SigningKey.Generate();

    private ChainConnection Chain => _node.Services.GetRequiredService<ChainConnection>();

    public static async Task<StakeHouse> StartAsync()
    {
        var house = new StakeHouse();
        try
        {
            house._node = await NodeHost.StartAsync(new NodeOptions { Data = house.Folder, LogLevel = LogLevel.None }, CancellationToken.None);
            house.Client = Contract.Client(house._node.Address);
            house.Http = Contract.Http(house._node.Address);
            house.Info = await house.Client.InfoAsync(default);
            house.Asset = await ApiFixture.CreateAssetAsync(house.Client, house.Info, house._founder, [house._verifier], [Evaluators.Common], 1, [], "STAKED", ApiFixture.Quick, ApiFixture.Policy,
                charter: ApiFixture.Small with { ChallengeTime = 3600, RunnerStake = RunnerStake, VerifierStake = VerifierStake });
            return house;
        }
        catch
        {
            await house.DisposeAsync();
            throw;
        }
    }

    public async Task<DepositRequest> SignDepositAsync(Money amount, bool funded = true)
    {
        if (funded)
            await MoneyCommands.TakeTestDollarsAsync(Client, Info, Operator, amount, default);
        var (nonce, until) = (Member.Fresh(), Member.Soon());
        return new DepositRequest(Operator.Address, amount, until, nonce,
            Hex.Encode(Operator.Sign(ContractDigests.ReceiveWithAuthorization(Info.PaymentTokenDomain, Operator.Address, Asset.Stakes, amount.Units, (ulong)until, nonce))));
    }

    public UnstakeRequest SignUnstake(Money amount)
    {
        long deadline = Member.Soon();
        return new UnstakeRequest(amount, deadline, Hex.Encode(Operator.Sign(ContractDigests.Unstake(Info.ChainId, Asset.Stakes, Operator.Address, amount.Units, (ulong)deadline))));
    }

    /// <summary>Shows two roots that the operator signed: all it has is taken away, a tenth for who shows it.</summary>
    public async Task SlashAsync()
    {
        EpochRoot a = new(1, default, Member.Fresh(), 1, 1, default, 1), b = a with { Root = Member.Fresh() };
        await Accounts.FundAsync(_node, _founder.Address, Accounts.Ether);
        Assert.True((await Accounts.SendAsync(_node, (_founder, new Stakes(Asset.Stakes).ShowTwoRoots(a, Sign(a), b, Sign(b)))))[0].Success);

        byte[] Sign(EpochRoot root) => Operator.Sign(ContractDigests.EpochRoot(Info.ChainId, Asset.Ledger, root));
    }

    /// <summary>Moves the chain's time on.</summary>
    public Task PassAsync(TimeSpan time) => Chain.Embedded!.AdvanceToAsync(DateTimeOffset.FromUnixTimeSeconds((long)Chain.Embedded.Head.Timestamp) + time);

    /// <summary>What an account has of the payment token.</summary>
    public async Task<Money> MoneyAsync(Address account) => new((UInt128)await new TestDollar(Asset.PaymentToken).BalanceOfAsync(Chain.Client, account));

    /// <summary>Fails when the asset's events and its contracts tell different stories.</summary>
    public Task AuditAsync() => Audited.HoldsAsync(Chain.Client, Info, Asset.Asset);

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        Http?.Dispose();
        if (_node is not null)
            await _node.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
        _founder.Dispose();
        _verifier.Dispose();
        Operator.Dispose();
    }
}
