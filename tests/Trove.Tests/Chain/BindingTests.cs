using System.Runtime.CompilerServices;
using Trove.Chain.Bindings;

namespace Trove.Tests.Chain;

public class BindingTests
{
    private const string Update = "TROVE_UPDATE_BINDINGS";

    [Fact]
    public void Committed_bindings_equal_a_fresh_generation_from_the_artifacts()
    {
        var folder = Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../src/Trove.Chain/Bindings/Generated");
        var fresh = BindingGenerator.Generate(ContractArtifact.All);
        if (Environment.GetEnvironmentVariable(Update) == "1")
        {
            foreach (var stale in Directory.GetFiles(folder, "*.cs"))
                File.Delete(stale);
            foreach (var (name, text) in fresh)
                File.WriteAllText(Path.Combine(folder, name), text);
        }
        Assert.Equal(fresh.Keys, Directory.GetFiles(folder, "*.cs").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (var (name, text) in fresh)
            Assert.True(text == File.ReadAllText(Path.Combine(folder, name)),
                $"{name} is not what the ABI says; run the tests once with {Update}=1 and commit the result");
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
