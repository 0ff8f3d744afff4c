using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Node.Chain;

/// <summary>
/// An asset's contracts as its share token leads to them on one's own view of the chain: token, ledger, registry, grants. What
/// a node says about them counts for nothing.
/// </summary>
public sealed record AssetView(Address Asset, ShareToken Token, Ledger Ledger, Registry Registry, Grants Grants)
{
    /// <summary>Follows the contracts from the share token on.</summary>
    /// <exception cref="InvalidDataException">They do not belong together.</exception>
    /// <exception cref="RpcException">The chain cannot be read, or there are no such contracts.</exception>
    public static async Task<AssetView> ReadAsync(EthClient chain, Address asset, CancellationToken ct)
    {
        var token = new ShareToken(asset);
        var ledger = new Ledger(await token.LedgerAsync(chain, cancel: ct));
        var registry = new Registry(await ledger.RegistryAsync(chain, cancel: ct));
        var grants = new Grants(await registry.GrantsAsync(chain, cancel: ct));
        if (await ledger.TokenAsync(chain, cancel: ct) != asset || await grants.TokenAsync(chain, cancel: ct) != asset)
            throw new InvalidDataException($"the contracts behind {asset} do not belong together; it is no asset of Trove");
        return new AssetView(asset, token, ledger, registry, grants);
    }
}
