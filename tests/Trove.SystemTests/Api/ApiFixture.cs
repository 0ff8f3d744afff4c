using System.Numerics;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Protocol;
using Trove.Node.Verification;

[assembly: AssemblyFixture(typeof(Trove.SystemTests.Api.ApiFixture))]

namespace Trove.SystemTests.Api;

/// <summary>
/// One whole node in this process, an asset with two verifiers that work only when a test lets them, and a second
/// asset of the same founder. Started by the first test that asks.
/// </summary>
public sealed class ApiFixture : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly List<KeyFile> _verifiers = [KeyFile.Create(), KeyFile.Create()];
    private readonly X25519Identity _recipient = X25519Identity.Generate();
    private string? _folder;
    private NodeHost? _node;

    public static readonly AssetPolicy Policy = new(new Shares(Shares.One), new Shares(Shares.One * 1_000_000), 5, ["comment", "post"], new Money(1), new Money(2), new Money(3));

    public TroveClient Client { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    public NodeInfo Info { get; private set; } = null!;

    public SigningKey Founder { get; } = SigningKey.Generate();

    public AssetInfo Asset { get; private set; } = null!;

    public AssetInfo OtherAsset { get; private set; } = null!;

    public IReadOnlyList<KeyFile> Verifiers => _verifiers;

    /// <summary>Starts what is not running yet.</summary>
    public async Task<ApiFixture> ReadyAsync()
    {
        await _gate.WaitAsync();
        try
        {
            if (_node is not null)
                return this;
            _folder = TestFolder.Create();
            _node = await NodeHost.StartAsync(new NodeOptions { Data = _folder, LogLevel = LogLevel.None }, CancellationToken.None);
            Client = new TroveClient(_node.Address);
            Http = new HttpClient { BaseAddress = _node.Address };
            Info = await Client.InfoAsync(default);
            Asset = await CreateAssetAsync(Client, Info, Founder, _verifiers, _recipient.Recipient, "LIFE");
            OtherAsset = await CreateAssetAsync(Client, Info, Founder, _verifiers, _recipient.Recipient, "OTHER");
            return this;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Lets the verifiers work until <paramref name="until"/> is true.</summary>
    public Task VerifyAsync(Func<Task<bool>> until) => VerifyAsync(Client, Info, _verifiers, until);

    public static async Task VerifyAsync(TroveClient client, NodeInfo info, IEnumerable<KeyFile> verifiers, Func<Task<bool>> until)
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        using var chain = new EthClient(new Uri(client.Node, info.Rpc));
        var working = verifiers.Select(v => Task.Run(() => new VerifierProcess(client, chain, v, NullLogger<VerifierProcess>.Instance).RunAsync(stop.Token))).ToList();
        try
        {
            while (!await until())
                await Task.Delay(50, stop.Token);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(working);
        }
    }

    /// <summary>Creates an asset that all the verifiers must agree on, with its tag key.</summary>
    public static async Task<AssetInfo> CreateAssetAsync(TroveClient client, NodeInfo info, SigningKey founder, IReadOnlyList<KeyFile> verifiers, X25519Recipient recipient, string symbol)
    {
        var (salt, deadline) = (Member.Fresh(), Member.Soon());
        var infos = verifiers.Select(v => new VerifierInfo(v.SigningKey.Address, v.Identity.Recipient.ToString())).ToList();
        var digest = Eip712.Digest(Eip712.DomainSeparator("Trove Factory", "1", info.ChainId, info.Factory),
            new Eip712Struct("CreateAsset(address founder,string name,string symbol,bytes32 salt,address paymentToken,bytes32 recipient,bytes32 policyHash,uint256 epochCap,address[] verifiers,bytes32[] verifierRecipients,uint32 threshold,uint256 deadline)")
                .Address(founder.Address).String("Of tests").String(symbol).Bytes32(salt).Address(info.PaymentToken).Bytes32(recipient.PublicKey)
                .Bytes32(Policy.Hash()).Uint((BigInteger)Policy.EpochCap.Units).Addresses(verifiers.Select(v => v.SigningKey.Address))
                .Bytes32s(verifiers.Select(v => v.Identity.Recipient.PublicKey)).Uint((uint)verifiers.Count).Uint(deadline).Hash());
        var asset = await client.CreateAssetAsync(new CreateAssetRequest(founder.Address, "Of tests", symbol, salt, recipient.ToString(), Policy, infos, (uint)verifiers.Count, deadline,
            Hex.Encode(founder.Sign(digest))), default);
        using var sealedKey = new MemoryStream();
        await AgeFile.EncryptAsync(new MemoryStream(RandomNumberGenerator.GetBytes(32)), sealedKey, [.. verifiers.Select(v => v.Identity.Recipient)]);
        await client.PutTagKeyAsync(asset.Asset, TagKey(info, asset, founder, sealedKey.ToArray()), default);
        return await client.AssetAsync(asset.Asset, default);
    }

    public static TagKeyRequest TagKey(NodeInfo info, AssetInfo asset, SigningKey founder, byte[] sealedKey)
    {
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        var digest = Messages.TagKey(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, new Hash32(SHA256.HashData(sealedKey)), nonce, deadline);
        return new TagKeyRequest(Convert.ToBase64String(sealedKey), nonce, deadline, Hex.Encode(founder.Sign(digest)));
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        Http?.Dispose();
        if (_node is not null)
            await _node.DisposeAsync();
        if (_folder is not null)
            Directory.Delete(_folder, recursive: true);
        _verifiers.ForEach(v => v.Dispose());
        _recipient.Dispose();
        Founder.Dispose();
    }
}
