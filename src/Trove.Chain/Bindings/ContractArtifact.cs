using System.Text.Json;
using Trove.Core;

namespace Trove.Chain.Bindings;

/// <summary>A compiled contract that is part of this assembly: its ABI, and the code that creates it.</summary>
/// <param name="Name">The contract's name.</param>
/// <param name="Abi">The JSON ABI, a list.</param>
/// <param name="Bytecode">The creation code, without constructor arguments.</param>
public sealed record ContractArtifact(string Name, JsonElement Abi, byte[] Bytecode)
{
    private static readonly Lazy<IReadOnlyList<ContractArtifact>> Loaded = new(() =>
        [.. typeof(ContractArtifact).Assembly.GetManifestResourceNames().Where(n => n.EndsWith(".json", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(Load)]);

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<ContractArtifact> All => Loaded.Value;

    /// <summary>One of them.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static ContractArtifact Get(string name) =>
        All.FirstOrDefault(a => a.Name == name) ?? throw new ArgumentException($"no contract '{name}' is part of this build; run contracts/build");

    private static ContractArtifact Load(string resource)
    {
        using var stream = typeof(ContractArtifact).Assembly.GetManifestResourceStream(resource)!;
        using var json = JsonDocument.Parse(stream);
        var root = json.RootElement;
        return new ContractArtifact(root.GetProperty("contractName").GetString()!, root.GetProperty("abi").Clone(), Hex.Decode(root.GetProperty("bytecode").GetString()!));
    }
}
