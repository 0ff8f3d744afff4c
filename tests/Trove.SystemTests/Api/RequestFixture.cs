using Trove.Chain;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Api;

/// <summary>
/// An asset with one owner, two guardians, a runner and a snapshot; a request that waits for its vote, and one that was granted and
/// whose use is open. No guardian and no runner works: tests speak for them.
/// </summary>
[CollectionDefinition(nameof(RequestFixture))]
public sealed class RequestFixture(ApiFixture api) : IAsyncLifetime, ICollectionFixture<RequestFixture>
{
    private ulong _revision;
    private readonly List<KeyFile> _guardians = [KeyFile.Create(), KeyFile.Create()];
    private Member? _owner;

    public static readonly Query Query = Query.Parse("SELECT count(*) CLIP 50 AS comments FROM records");

    public TroveClient Client => api.Client;

    public AssetInfo Asset { get; private set; } = null!;

    /// <summary>Nobody has contributed to it.</summary>
    public AssetInfo Bare { get; private set; } = null!;

    public ulong Snapshot { get; private set; }

    public SigningKey Buyer { get; } = SigningKey.Generate();

    public SigningKey Runner { get; } = SigningKey.Generate();

    public IReadOnlyList<KeyFile> Guardians => _guardians;

    public SigningKey Owner => _owner!.Key;

    /// <summary>Waits for a vote that nobody has proposed.</summary>
    public RequestInfo Asked { get; private set; } = null!;

    /// <summary>Granted; use 1 is open with version 1 of its key.</summary>
    public RequestInfo Open { get; private set; } = null!;

    /// <summary>Two that were granted and that no use was opened of.</summary>
    public IReadOnlyList<Hash32> Spare { get; private set; } = [];

    /// <summary>Terms that are taken as they are.</summary>
    public RequestTerms Terms() => new(Buyer.Address, new X25519Recipient(Member.Fresh()).ToString(), ["comment"], 0, 9999, Snapshot, Query.CodeHash, 2, new Money(1_000_000), 1,
        DateTimeOffset.UtcNow.AddDays(30).ToUnixTimeSeconds(), Member.Fresh()) { Epsilon = 1_000_000 };

    /// <summary>A request whose payment is signed for exactly these terms.</summary>
    public QueryRequest Sign(RequestTerms terms, string? query = null, AssetInfo? asset = null, long? validBefore = null)
    {
        long until = validBefore ?? Member.Soon();
        var grants = (asset ?? Asset).Grants;
        var digest = ContractDigests.ReceiveWithAuthorization(api.Info.PaymentTokenDomain, terms.Buyer, grants, terms.Total.Units, (ulong)until, ContractDigests.RequestId(api.Info.ChainId, grants, terms.ToAbi()));
        return new QueryRequest(terms, query ?? Query.ToString(), until, Hex.Encode(Buyer.Sign(digest)));
    }

    /// <summary>A ballot as its owner signs it.</summary>
    public VoteRequest Ballot(SigningKey voter, Hash32 proposal, byte support = 1) =>
        new(voter.Address, support, Hex.Encode(voter.Sign(ContractDigests.Ballot(api.Info.ChainId, Asset.Governor, proposal, support, voter.Address, ContractDigests.BallotNonce(proposal)))));

    /// <summary>Puts a request to the vote.</summary>
    public Task<ProposalInfo> ProposeAsync(Hash32 request) => Client.ProposeAsync(Asset.Asset, new ProposeRequest("approve", request), default);

    public async Task<ProposalInfo> ProposalAsync(Hash32 proposal, Func<ProposalInfo, bool> until)
    {
        while (true)
        {
            var p = await Client.ProposalAsync(Asset.Asset, proposal, default);
            if (until(p))
                return p;
            await Task.Delay(100);
        }
    }

    public async ValueTask InitializeAsync()
    {
        await api.ReadyAsync();
        var governance = ApiFixture.Quick with { Rules = ApiFixture.Votes(20), VoteExtension = 1 };
        Asset = await ApiFixture.CreateAssetAsync(Client, api.Info, api.Founder, api.Verifiers, _guardians, 2, [Runner.Address], "ASKED", governance, ApiFixture.Policy with { QueryPrice = new Money(1_000_000) }, charter: ApiFixture.Small with { UseTime = 7 * 86400 });
        Bare = await ApiFixture.CreateAssetAsync(Client, api.Info, api.Founder, api.Verifiers, "BARE");
        _owner = await Member.PrepareAsync(Asset, Member.Reddit("asked_owner", "Lanterns sway above the harbour while nobody counts the boats"));
        var contribution = await _owner.ContributeAsync(Client, api.Info, Asset);
        await api.VerifyAsync(async () => (await Client.ContributionAsync(contribution, default)).State == "attested");
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        await Client.CloseEpochAsync(Asset.Asset, new CloseEpochRequest(1, nonce, deadline,
            Hex.Encode(api.Founder.Sign(Messages.CloseEpoch(Messages.Domain(api.Info.ChainId, Asset.Ledger), Asset.Asset, 1, nonce, deadline)))), default);
        await api.VerifyAsync(async () => await Client.BalanceAsync(Asset.Asset, Owner.Address, default) is var b && b.Shares.Units > b.Unclaimed.Units);
        while ((Snapshot = (await Client.DataAsync(Asset.Asset, default)).SnapshotEpoch) == 0)
            await Task.Delay(100);

        var dollars = new Money(1_000_000_000);
        (nonce, deadline) = (Member.Fresh(), Member.Soon());
        await Client.FaucetAsync(new FaucetRequest(Buyer.Address, dollars, nonce, deadline,
            Hex.Encode(Buyer.Sign(Messages.TestDollars(Messages.Domain(api.Info.ChainId, api.Info.Factory), Buyer.Address, dollars, nonce, deadline)))), default);
        Asked = await Client.RequestQueryAsync(Asset.Asset, Sign(Terms()), default);
        var granted = new List<(Hash32 Request, Hash32 Proposal)>();
        for (int i = 0; i < 3; i++)
        {
            var request = (await Client.RequestQueryAsync(Asset.Asset, Sign(Terms()), default)).Request;
            var proposal = (await ProposeAsync(request)).Proposal;
            await Client.VoteAsync(Asset.Asset, proposal, Ballot(Owner, proposal), default);
            granted.Add((request, proposal));
        }
        foreach (var (_, proposal) in granted)
        {
            await ProposalAsync(proposal, p => p.State != "active");
            while ((await Client.ExecuteAsync(Asset.Asset, proposal, default)).State != "executed")
                await Task.Delay(100);
        }
        Open = await Client.OpenUseAsync(Asset.Asset, granted[0].Request, OpenUse(granted[0].Request), default);
        Spare = [granted[1].Request, granted[2].Request];
    }

    /// <summary>Of the owner's statement: later than what another test stated.</summary>
    public ulong NextRevision() => _revision += 10;

    public OpenUseRequest OpenUse(Hash32 request, uint use = 1, uint version = 1, SigningKey? runner = null)
    {
        var (key, by) = (Member.Fresh(), runner ?? Runner);
        return new OpenUseRequest(by.Address, use, key, version, Hex.Encode(by.Sign(ContractDigests.OpenUse(api.Info.ChainId, Asset.Grants, request, use, key, version, by.Address))));
    }

    public ValueTask DisposeAsync()
    {
        _owner?.Dispose();
        Buyer.Dispose();
        Runner.Dispose();
        _guardians.ForEach(g => g.Dispose());
        return ValueTask.CompletedTask;
    }
}
