using System.Text.Json;
using Microsoft.Extensions.Logging;
using Trove.Chain.Durability;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Staking;

/// <summary>
/// Where a node leaves what somebody signed to it and the chain has otherwise, a file each: <c>trove stake report FILE</c> shows it to the
/// contract, whoever sends it. One for a matter, and no more than a bounded number: the contract takes one of each.
/// </summary>
public sealed class ContradictionFolder(string folder, ILogger<ContradictionFolder> log)
{
    private const int MaxFiles = 1000; // anybody can found an asset and be its runner
    private readonly Lock _writing = new();

    /// <summary>Keeps statements under the name of their matter, unless there are some already.</summary>
    public void Keep(string matter, SignedStatements statements)
    {
        lock (_writing)
        {
            var file = Path.Combine(folder, matter + ".json");
            Directory.CreateDirectory(folder);
            if (File.Exists(file) || Directory.EnumerateFiles(folder).Count() >= MaxFiles)
                return;
            DurableFile.Write(file, target => JsonSerializer.Serialize(target, statements, TroveJson.Indented));
            log.LogError(LogEvents.ContradictionSeen, "Somebody signed two different things about asset {Asset}, and can be made to lose its stake: 'trove stake report {File}'", statements.Asset, file);
        }
    }
}
