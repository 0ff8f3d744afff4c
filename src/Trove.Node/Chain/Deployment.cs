using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Core;

namespace Trove.Node.Chain;

/// <summary>
/// Puts Trove's contracts on a fresh chain as the relayer's first transactions, so that their addresses follow from its
/// key. What is there already is found there, also after a crash half-way.
/// </summary>
public static class Deployment
{
    /// <summary>Deploys what is missing.</summary>
    public static async Task<ContractAddresses> DeployAsync(ChainRelay relay, CancellationToken ct)
    {
        var dollar = await CreateAsync(0, "TestDollar", relay.Address);
        var token = await CreateAsync(1, "ShareToken");
        var registry = await CreateAsync(2, "Registry");
        var ledger = await CreateAsync(3, "Ledger");
        var factory = await CreateAsync(4, "AssetFactory", token, registry, ledger);
        return new ContractAddresses(factory, dollar);

        Task<Address> CreateAsync(ulong nonce, string name, params Address[] arguments) => relay.CreateAsync($"deploy-{name}", nonce,
            [.. ContractArtifact.Get(name).Bytecode, .. AbiCodec.Encode(AbiType.Parse($"({string.Join(',', arguments.Select(_ => "address"))})"), [.. arguments.Cast<object>()])], ct);
    }
}
