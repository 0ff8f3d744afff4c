using System.Text.Json;
using Microsoft.Extensions.Logging;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Staking;

/// <summary>
/// Where a node leaves what somebody signed to it and the chain has otherwise, a folder for each asset and a file for each matter:
/// <c>trove stake report FILE</c> shows it to the contract, whoever sends it. All is bounded: the contract takes one of each matter, who
/// lies in an asset of their own leaves the room of others alone, and who lies often hides nobody who lied once.
/// </summary>
/// <param name="data">The node's data folder.</param>
/// <param name="log">Its log.</param>
public sealed class ContradictionFolder(string data, ILogger<ContradictionFolder> log)
{
    private const string Name = "contradictions";

    /// <summary>Most files of one asset.</summary>
    internal const int MaxFiles = 64;

    /// <summary>Most files about one account.</summary>
    internal const int MaxOfOne = 8;

    private const int MaxAssets = 1000;
    private readonly string _folder = Path.Combine(data, Name);
    private readonly Lock _writing = new();

    /// <summary>All that is kept in a data folder.</summary>
    public static IEnumerable<string> Files(string data) =>
        Path.Combine(data, Name) is var folder && Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.json", SearchOption.AllDirectories) : [];

    /// <summary>Keeps statements under the name of their matter, unless there are some already.</summary>
    /// <param name="about">Whose statements; the ledger: of several verifiers.</param>
    /// <param name="matter">What they are about: part of a file's name.</param>
    /// <param name="statements">What they said.</param>
    public void Keep(Address about, string matter, SignedStatements statements)
    {
        lock (_writing)
        {
            var own = Path.Combine(_folder, statements.Asset.ToString());
            var file = Path.Combine(own, $"{about}-{matter}.json");
            if (File.Exists(file) || (Directory.Exists(own) ? Directory.GetFiles(own).Length >= MaxFiles || Directory.GetFiles(own, $"{about}-*").Length >= MaxOfOne
                : Directory.Exists(_folder) && Directory.GetDirectories(_folder).Length >= MaxAssets))
                return;
            Directory.CreateDirectory(own);
            DurableFile.Write(file, target => JsonSerializer.Serialize(target, statements, TroveJson.Indented));
            log.LogError(LogEvents.ContradictionSeen, "Somebody signed about asset {Asset} what contradicts what it or others signed, and can be made to lose its stake: 'trove stake report {File}'", statements.Asset, file);
        }
    }
}
