using System.Text.Json.Nodes;

namespace Trove.Tests.Crypto;

/// <summary>Files of the checkout the tests run in.</summary>
internal static class Checkout
{
    public static readonly string Root = FindRoot();

    public static JsonNode Vectors(string name) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(Root, "specs", "vectors", name)))!;

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Trove.slnx")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("the tests must run from inside the checkout (Trove.slnx not found above them)");
    }
}
