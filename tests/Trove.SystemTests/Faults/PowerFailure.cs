using System.Diagnostics;
using System.Globalization;

namespace Trove.SystemTests.Faults;

/// <summary>
/// Takes from folders what no fsync has made durable, by the log that the program's own durable writes leave under a driver
/// (<see cref="Trove.Chain.Durability.DurableFile"/>). A file keeps the bytes it had at its last sync, if its name was synced with
/// its folder after that; everything else is gone, also what was written without any sync. PostgreSQL's folder is left as it
/// stands: it syncs by itself, being started with fsync, full_page_writes and synchronous_commit on (PostgresCluster).
/// </summary>
internal static class PowerFailure
{
    /// <summary>How many files were removed or cut.</summary>
    public static int DropUnsynced(string log, IReadOnlyList<string> folders, string except)
    {
        var files = Read(File.Exists(log) ? File.ReadLines(log) : []);
        int dropped = 0;
        foreach (var path in folders.Where(Directory.Exists).SelectMany(f => Directory.EnumerateFiles(f, "*", SearchOption.AllDirectories)))
        {
            if (path.StartsWith(except + "/", StringComparison.Ordinal))
                continue;
            if (!files.TryGetValue(path, out var file) || !file.Named)
                File.Delete(path);
            else if (new FileInfo(path).Length > file.Length)
                // Not by a stream: .NET would respect the lock of a process that has no future.
                using (var cut = Process.Start("truncate", ["-s", file.Length.ToString(CultureInfo.InvariantCulture), path]))
                    cut.WaitForExit();
            else
                continue;
            dropped++;
        }
        return dropped;
    }

    internal static Dictionary<string, (long Length, bool Named)> Read(IEnumerable<string> lines)
    {
        var files = new Dictionary<string, (long Length, bool Named)>(StringComparer.Ordinal);
        foreach (var line in lines)
        {
            var (word, rest) = line.IndexOf(' ', StringComparison.Ordinal) is > 0 and var at ? (line[..at], line[(at + 1)..]) : (line, "");
            switch (word)
            {
                case "file" when rest.IndexOf(' ', StringComparison.Ordinal) is > 0 and var space:
                    var path = rest[(space + 1)..];
                    files[path] = (long.Parse(rest[..space], CultureInfo.InvariantCulture), files.TryGetValue(path, out var known) && known.Named);
                    break;
                case "move" when rest.Split('\t') is [var from, var to]:
                    if (files.Remove(from, out var moved))
                        files[to] = (moved.Length, files.TryGetValue(to, out var old) && old.Named); // before the folder's sync either is there, and both are whole
                    break;
                case "folder":
                    foreach (var name in files.Keys.Where(f => Path.GetDirectoryName(f) == rest).ToList())
                        files[name] = files[name] with { Named = true };
                    break;
            }
        }
        return files;
    }
}
