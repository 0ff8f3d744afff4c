using System.CommandLine;
using Trove.Node.Operations;

namespace Trove.Cli.Commands;

/// <summary>A node's backup and its way back.</summary>
internal static class BackupCommands
{
    public static Command Backup()
    {
        var data = Shared.Data();
        data.Description = "The node's data folder; the node may run";
        var to = new Option<DirectoryInfo>("--to") { Description = "Folder for backups of this node. It will hold the relayer's key: as secret as the data folder", Required = true };
        var command = new Command("backup", "Copies a node, running or stopped: database, embedded chain, blobs, relayer's key. Again into the same folder it copies what is new.") { data, to };
        command.SetAction(async (r, ct) =>
        {
            var folder = r.GetValue(to)!.FullName;
            var made = await Trove.Node.Operations.Backup.MakeAsync(Path.GetFullPath(r.GetValue(data)!), folder, ct);
            Print(r, made, folder);
            foreach (var blob in made.Missing)
                Console.Error.WriteLine($"trove: blob {blob} is stored by the database's account and missing or damaged on the node's disk: if an older backup has it, put it back");
            return made.Missing.Count == 0 ? 0 : 1;
        });
        return command;
    }

    public static Command Restore()
    {
        var data = Shared.Data();
        data.Description = "The data folder to be: empty or not there";
        var from = new Option<DirectoryInfo>("--from") { Description = "The folder that 'trove backup --to' was given", Required = true };
        var command = new Command("restore", "Brings a node back from its newest whole backup, every file checked. Start it with 'trove node' afterwards.") { from, data };
        command.SetAction(async (r, ct) =>
        {
            var folder = Path.GetFullPath(r.GetValue(data)!);
            Print(r, await Trove.Node.Operations.Restore.RunAsync(r.GetValue(from)!.FullName, folder, ct), folder);
            return 0;
        });
        return command;
    }

    private static void Print(ParseResult r, BackupManifest manifest, string folder)
    {
        var at = DateTimeOffset.FromUnixTimeMilliseconds(manifest.Made);
        if (r.GetValue(Shared.Json))
            Shared.PrintJson(new { folder, made = manifest.Made, migration = manifest.Migration, blocks = manifest.Blocks, blobs = manifest.Blobs.Count, bytes = manifest.Blobs.Sum(b => b.Size) + manifest.Files.Sum(f => f.Size), missing = manifest.Missing });
        else
            Console.WriteLine($"{folder}: the node as of {at:u}, {manifest.Blocks} blocks, {manifest.Blobs.Count} blobs, schema {manifest.Migration}");
    }
}
