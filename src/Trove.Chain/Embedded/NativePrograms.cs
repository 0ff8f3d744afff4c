namespace Trove.Chain.Embedded;

/// <summary>Finds the programs that native/package.json brings from npm.</summary>
public static class NativePrograms
{
    /// <summary>The environment variable that names the folder with <c>node_modules</c>, instead of looking for it.</summary>
    public const string OverrideVariable = "TROVE_NATIVE";

    /// <summary>The path of anvil.</summary>
    /// <exception cref="FileNotFoundException">It is not installed; the message says how to.</exception>
    public static string Anvil() => Find("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");

    /// <summary>
    /// A file below the folder <c>native</c>: of <see cref="OverrideVariable"/>, else next to the executable or above it,
    /// so that a checkout and an installed copy both work.
    /// </summary>
    /// <exception cref="FileNotFoundException">It is not there; the message says which command installs it.</exception>
    public static string Find(string relativePath)
    {
        var folders = Environment.GetEnvironmentVariable(OverrideVariable) is { Length: > 0 } given ? [given] : Above(AppContext.BaseDirectory);
        var found = folders.Select(f => Path.GetFullPath(Path.Combine(f, relativePath))).FirstOrDefault(File.Exists);
        return found ?? throw new FileNotFoundException(
            $"{Path.GetFileName(relativePath)} is not installed (looked in {string.Join(", ", folders.Take(4))}); run 'npm ci --ignore-scripts' in the folder native, or set {OverrideVariable} to where that was done");
    }

    private static List<string> Above(string start)
    {
        var folders = new List<string>();
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            if (Directory.Exists(Path.Combine(folder.FullName, "native")))
                folders.Add(Path.Combine(folder.FullName, "native"));
        return folders.Count > 0 ? folders : [Path.Combine(start, "native")];
    }
}
