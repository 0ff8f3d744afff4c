using System.Globalization;
using System.Numerics;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Embedded;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;

namespace Trove.Bench;

/// <summary>An asset on an embedded chain of its own, and an account that sends calls to it one after the other.</summary>
internal sealed class BenchAsset : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-bench-").FullName;
    private EthProxy? _proxy;

    private BenchAsset(string name) => Salt = Keccak256.Hash(System.Text.Encoding.ASCII.GetBytes(name));

    /// <summary>Pays for everything.</summary>
    public SigningKey Key { get; } = SigningKey.Generate();

    /// <summary>The only verifier, and guardian.</summary>
    public SigningKey Verifier { get; } = SigningKey.Generate();

    /// <summary>Stands for whatever hash or key is not looked at.</summary>
    public Hash32 Salt { get; }

    public EmbeddedChain Chain { get; private set; } = null!;

    public EthClient Client { get; private set; } = null!;

    public Address Factory { get; private set; }

    public Address PaymentToken { get; private set; }

    public AssetContracts Contracts { get; private set; } = null!;

    /// <summary>Founds it on a fresh chain.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="cancel">Stops.</param>
    /// <param name="rules">How it decides; the quickest there is without them.</param>
    /// <param name="charter">Its charter; the least there is without it.</param>
    /// <param name="runners">Its runners.</param>
    public static async Task<BenchAsset> FoundAsync(string name, CancellationToken cancel, Rules? rules = null, Charter? charter = null, params IReadOnlyList<Address> runners)
    {
        var asset = new BenchAsset(name);
        try
        {
            await asset.StartAsync(name, rules ?? new Rules(1, 1, 0, 50, 1, 0), charter ?? new Charter(1, 1, 1, 0, 1, 0, 0, 0, new Standing(0, 0, 0, 0), []), runners, cancel).ConfigureAwait(false);
            return asset;
        }
        catch
        {
            await asset.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>One share, in its smallest unit.</summary>
    public static BigInteger Share { get; } = BigInteger.Pow(10, 18);

    /// <summary>The claim of one share by an owner that has no other.</summary>
    public static Claim ClaimOf(ulong epoch, int index)
    {
        var id = Keccak256.Hash(System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{epoch}/{index}")));
        return new Claim(epoch, (uint)index, id, new Address(id.ToArray().AsSpan(12)), Share, id);
    }

    /// <summary>Has a call mined; its gas.</summary>
    /// <param name="call">The call.</param>
    /// <param name="cancel">Stops.</param>
    /// <exception cref="InvalidOperationException">It reverted.</exception>
    public async Task<ulong> SendAsync(ContractCall call, CancellationToken cancel)
    {
        ulong nonce = await Client.GetTransactionCountAsync(Key.Address, cancel: cancel).ConfigureAwait(false);
        var fees = await Client.SuggestFeesAsync(cancel).ConfigureAwait(false);
        var transaction = new Transaction
        {
            ChainId = Chain.ChainId,
            Nonce = nonce,
            MaxPriorityFeePerGas = 1,
            MaxFeePerGas = fees.BaseFee * 2 + 1,
            GasLimit = Chain.Head.GasLimit,
            To = call.To,
            Data = call.Data,
        };
        var receipt = await Chain.SubmitAsync(transaction.Sign(Key).Raw, cancel).ConfigureAwait(false);
        return receipt.Success ? receipt.GasUsed : throw new InvalidOperationException(
            string.Create(CultureInfo.InvariantCulture, $"bench: a call of 0x{Convert.ToHexStringLower(call.Data.AsSpan(0, 4))} reverted"));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        _proxy?.Dispose();
        if (Chain is not null)
            await Chain.DisposeAsync().ConfigureAwait(false);
        Directory.Delete(_folder, recursive: true);
        Key.Dispose();
        Verifier.Dispose();
    }

    private async Task StartAsync(string name, Rules rules, Charter charter, IReadOnlyList<Address> runners, CancellationToken cancel)
    {
        Chain = await EmbeddedChain.StartAsync(_folder, [Key.Address], TimeProvider.System, NullLogger.Instance, cancel).ConfigureAwait(false);
        _proxy = new EthProxy(Chain);
        Client = EthProxyHandler.CreateClient(_proxy);
        var deployed = await Deployment.DeployAsync(Client, Key, cancel).ConfigureAwait(false);
        (Factory, PaymentToken) = (deployed.AssetFactory, deployed.TestDollar);
        var factory = new AssetFactory(Factory);
        Contracts = await factory.PredictAsync(Client, Key.Address, Salt, cancel: cancel).ConfigureAwait(false);
        var custody = new Custody([Verifier.Address], [Salt], [Salt], 1, runners);
        var confirmation = Verifier.Sign(CommitteeConfirmation.Digest(Chain.ChainId, Contracts.Registry, new Committee(1, (int)custody.Threshold, custody.Guardians), custody.Commitments, custody.OprfCommitments, Salt, Salt));
        await SendAsync(factory.Create(new AssetParams(name, name[..3].ToUpperInvariant(), Salt, PaymentToken, Salt, Salt, Share * 1_000_000, 0, [Verifier.Address], [Salt], 1,
            custody, new Governance(0, 1, 0, rules, rules, rules), charter), new Ceremony(Salt, [confirmation])), cancel).ConfigureAwait(false);
    }
}
