using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Trove.Tests.Chain;

/// <summary>specs/vectors/*.json, found from this source file.</summary>
internal static class Vectors
{
    public static JsonElement Read(string name, [CallerFilePath] string path = "")
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Path.GetDirectoryName(path)!, "../../../specs/vectors", name + ".json")));
        return json.RootElement.Clone();
    }

    public static string Text(this JsonElement json, string name) => json.GetProperty(name).GetString()!;
}
