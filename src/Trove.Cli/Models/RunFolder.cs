using System.Globalization;
using Trove.Chain.Durability;
using Trove.Models.Exchange;
using Trove.Models.Training;

namespace Trove.Cli.Models;

/// <summary>A training run's folder: its checkpoints, of which the last two are kept, and in the end the model.</summary>
internal sealed class RunFolder(string folder)
{
    private const string Prefix = "checkpoint-", Suffix = ".trove";
    private const int Kept = 2;

    /// <summary>A file in it.</summary>
    public string this[string file] => Path.Combine(folder, file);

    /// <summary>Its checkpoints, the newest first.</summary>
    public List<string> Checkpoints() => !Directory.Exists(folder) ? []
        : [.. Directory.EnumerateFiles(folder, Prefix + "*" + Suffix).Where(f => StepOf(f) >= 0).OrderByDescending(StepOf)];

    /// <summary>Writes one; when this returns it is on disk.</summary>
    public void Save(Trainer trainer)
    {
        DurableFile.Write(this[string.Create(CultureInfo.InvariantCulture, $"{Prefix}{trainer.Step:0000000000}{Suffix}")], trainer.Save);
        foreach (var old in Checkpoints().Skip(Kept))
            File.Delete(old);
    }

    /// <summary>Goes on from the newest checkpoint that is whole.</summary>
    /// <param name="say">Hears of damaged ones.</param>
    /// <returns>False when there is none.</returns>
    /// <exception cref="OtherRunException">It is of another run.</exception>
    /// <exception cref="CommandException">All are damaged.</exception>
    public bool Resume(Trainer trainer, Action<string> say)
    {
        var checkpoints = Checkpoints();
        foreach (var file in checkpoints)
            try
            {
                using var stream = File.OpenRead(file);
                trainer.Load(file, stream);
                return true;
            }
            catch (ModelFileException e)
            {
                say($"{e.Message}; the one before it is tried");
            }
        return checkpoints.Count == 0 ? false : throw new CommandException($"no checkpoint in {folder} can be read", "restore one from a backup, or begin again with another --out");
    }

    private static long StepOf(string file) =>
        long.TryParse(Path.GetFileName(file)[Prefix.Length..^Suffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out long step) ? step : -1;
}
