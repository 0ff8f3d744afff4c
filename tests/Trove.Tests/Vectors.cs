using System.Text.Json;

namespace Trove.Tests;

/// <summary>The vectors under specs/, read where the tests run: in the repository.</summary>
public static class Vectors
{
    /// <summary>The repository's folder.</summary>
    public static readonly string Repository = FindRepository();

    /// <summary>A JSON file of specs/vectors.</summary>
    public static T Read<T>(string name) =>
        JsonSerializer.Deserialize<T>(File.ReadAllText(Path.Combine(Repository, "specs", "vectors", name)),
            new JsonSerializerOptions(JsonSerializerDefaults.Web))!;

    private static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Trove.slnx")))
                return folder.FullName;
        throw new InvalidOperationException("the tests run inside the repository");
    }
}
