using System.Text;
using Trove.Chain.Durability;

namespace Trove.Node.Operations;

/// <summary>What is where in a node's data folder, for programs that find only the folder.</summary>
internal static class NodeFolder
{
    private const string Elsewhere = "blobs.path";

    /// <summary>The folder of the ciphertext of a node that starts; one outside of the data folder is written down there.</summary>
    /// <exception cref="IOException">The node has ciphertext in another one.</exception>
    public static string Blobs(string data, string? chosen)
    {
        var file = Path.Combine(data, Elsewhere);
        if (chosen is not null && Path.TrimEndingDirectorySeparator(Path.GetFullPath(chosen)) is var path && Blobs(data) is var before && before != path)
        {
            // It would call every part missing, and a backup would have none of them.
            if (Directory.Exists(before) && Directory.EnumerateFiles(before, "*", SearchOption.AllDirectories).Any())
                throw new IOException($"the ciphertext of this node is in {before}, not in {path}: start it with --blobs {before}, or move all that is there to {path}");
            DurableFile.Write(file, stream => stream.Write(Encoding.UTF8.GetBytes(path)));
        }
        else if (chosen is null && File.Exists(file))
            throw new IOException($"the ciphertext of this node is in {Blobs(data)}: give --blobs with it, or delete {file} if it was brought back");
        return Blobs(data);
    }

    /// <summary>The folder of a node's ciphertext.</summary>
    public static string Blobs(string data) => Path.Combine(data, Elsewhere) is var file && File.Exists(file) ? File.ReadAllText(file) : Path.Combine(Path.GetFullPath(data), "blobs");
}
