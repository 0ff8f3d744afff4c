using System.Reflection;
using System.Text.RegularExpressions;

namespace Trove.Tests.Fuzz;

/// <summary>Every method that reads bytes or text into something has a target, or stands here with the reason why not.</summary>
public sealed partial class CoverageTests
{
    // What is not driven on its own, and why.
    private static readonly Dictionary<string, string> Reasons = new(StringComparer.Ordinal)
    {
        ["RecordKinds.TryParse"] = "a look-up in a fixed dictionary; driven by record",
        ["ContractArtifact.Load"] = "reads a resource of the assembly itself",
        ["BindingGenerator.Read"] = "writes source text at build time",
        ["Folding.ReadTable"] = "reads a resource of the assembly itself",
        ["SecretReader.ReadFile"] = "reads whole files of bounded size; what is in them is driven by key-file, identity-file and passphrase",
        ["SecretReader.Open"] = "opens a file",
        ["NodeDatabase.OpenAsync"] = "opens the node's own database",
        ["DuckDb.Open"] = "opens an engine in memory",
        ["ParquetTexts.Read"] = "a file that the person at the keyboard names, read by DuckDB, and lines that DuckDB wrote; driven by TrainCommandTests",
        ["DuckDb.Read"] = "reads integers that the engine counted; driven by QueryRunnerTests",
        ["KeyFile.Load"] = "an age file around what key-file drives; driven by age-file",
        ["IdentityFile.Load"] = "a file of bounded size around IdentityFile.Parse",
        ["DurableFile.Open"] = "a system call",
        ["SealedFile.ReadAsync"] = "age-file of bounded size; what is in it is driven by epoch-shares and ceremony-state",
        ["ShareStore.OpenAsync"] = "a guardian's own folder; what is in its files is driven by epoch-shares and ceremony-state",
        ["CeremonyStore.OpenCreationsAsync"] = "counts rows",
        ["EvaluationEntry.Read"] = "whole entries of a guardian's own file, in which any bytes are one",
        ["GuardianStatus.Read"] = "a guardian's own folder; its lines are driven by guardian-log-entry",
        ["DurableFile.OpenShared"] = "opens a file",
        ["GrantBook.ReadText"] = "reads what ChainReader stored",
        ["AgeFile.ReadFile"] = "what age-file and part drive",
        ["Dealing.Opening"] = "hashes commitments; reads nothing",
        ["StakeReader.ReadAsync"] = "calls of bindings, whose answers are driven by rpc and abi; reads nothing itself",
        ["Lanes.Load"] = "numbers of an array into a register",
        ["Pair256.Load"] = "numbers of an array into registers",
        ["Pair512.Load"] = "numbers of an array into registers",
        ["IGemmPair`1.Load"] = "what Pair256 and Pair512 do",
        ["ContractDigests.OpenUse"] = "the digest for opening a use; reads nothing",
    };

    // Arguments that the person at the keyboard gives: no stranger reaches them, and the values are driven by hash, address, amount and query.
    private const string CommandLine = "Trove.Cli";

    [Fact]
    public void Every_parser_has_a_target_or_a_reason()
    {
        var covered = Targets.All.Values.SelectMany(t => t.Covers).ToHashSet(StringComparer.Ordinal);
        var missing = new List<string>();
        foreach (var assembly in new[] { "Trove.Core", "Trove.Crypto", "Trove.Exports", "Trove.Models", "Trove.Chain", "Trove.Node", "trove" }.Select(Assembly.Load))
            foreach (var type in assembly.GetTypes().Where(t => !t.Name.Contains('<') && t.Namespace?.StartsWith(CommandLine, StringComparison.Ordinal) != true))
                foreach (var method in type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly).Where(m => (m.IsPublic || m.IsAssembly) && Reads().IsMatch(m.Name)))
                {
                    var name = $"{(type.IsNested && type.DeclaringType!.Name != "Events" ? type.DeclaringType.Name + "+" : "")}{type.Name}.{method.Name}";
                    bool isEvent = type.IsNested && type.Name.EndsWith("Event", StringComparison.Ordinal);
                    if (!covered.Contains(name) && !(isEvent && covered.Contains("*Event.Decode")) && !Reasons.ContainsKey(name))
                        missing.Add(name);
                }
        Assert.True(missing.Count == 0, $"these read bytes from outside and no fuzz target drives them: {string.Join(", ", missing.Distinct())}. Add one in tests/Trove.Tests/Fuzz, or a reason");
    }

    [Fact]
    public void Targets_have_seeds_that_are_taken()
    {
        foreach (var target in Targets.All.Values)
        {
            Assert.NotEmpty(target.Seeds);
            Assert.NotEmpty(target.Covers);
            Assert.Contains(target.Seeds, seed => Taken(target, seed));
        }
    }

    private static bool Taken(FuzzTarget target, byte[] seed)
    {
        try
        {
            return target.Run(seed) is not null;
        }
        catch (Exception e) when (target.Refuses(e))
        {
            return false;
        }
    }

    [GeneratedRegex("^(Try)?(Parse|Read|Decode|Open|Load)")]
    private static partial Regex Reads();
}
