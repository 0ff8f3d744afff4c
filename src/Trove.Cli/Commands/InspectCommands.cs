using System.Buffers;
using System.CommandLine;
using Trove.Exports;

namespace Trove.Cli.Commands;

/// <summary>Looking into exports, offline.</summary>
internal static class InspectCommands
{
    private static Argument<string[]> Files() => new("FILE") { Description = "The export as the platform sent it: a ZIP, several parts, a folder or loose files", Arity = ArgumentArity.OneOrMore };

    private static Option<string?> Me() => new("--me") { Description = "Your name in the export, where it does not say whose it is" };

    public static Command Inspect()
    {
        Argument<string[]> files = Files();
        var me = Me();
        var command = new Command("inspect", "What is in an export. Nothing leaves this machine.") { files, me };
        command.SetAction(r =>
        {
            using var export = Open(r.GetValue(files)!, r.GetValue(me));
            Read(export, _ => { });
            if (r.GetValue(Shared.Json))
                Console.Out.WriteLine(export.Report.ToJson());
            else
                Print(export);
            return 0;
        });
        return command;
    }

    public static Command Records()
    {
        Argument<string[]> files = Files();
        var me = Me();
        var command = new Command("records", "An export's canonical records, one JSON a line.") { files, me };
        command.SetAction(r =>
        {
            using var export = Open(r.GetValue(files)!, r.GetValue(me));
            using var output = new BufferedStream(Console.OpenStandardOutput(), 1 << 16);
            var line = new ArrayBufferWriter<byte>();
            Read(export, record =>
            {
                line.ResetWrittenCount();
                RecordJson.Write(line, record);
                output.Write(line.WrittenSpan);
            });
            output.Flush();
            foreach (var warning in export.Report.Warnings)
                Console.Error.WriteLine($"trove: {Shared.Safe(warning)}");
            return 0;
        });
        return command;
    }

    /// <summary>Opens an export for reading.</summary>
    public static Export Open(IReadOnlyList<string> files, string? me) => Export.Open(files, new ExportOptions { Me = me ?? "" });

    /// <summary>Reads all records with progress.</summary>
    public static void Read(Export export, Action<Record> take)
    {
        using var progress = new Progress();
        long count = 0;
        foreach (var record in export.Records())
        {
            take(record);
            progress.Report("reading records", ++count, null);
        }
    }

    /// <summary>Prints a report for people.</summary>
    public static void Print(Export export)
    {
        var report = export.Report;
        Console.WriteLine($"{report.Platform} export of {(report.Account.Length > 0 ? Shared.Safe(report.Account) : "an unknown account")}");
        Console.WriteLine($"{report.Records:N0} records, {report.OwnWords:N0} words of your own, {report.OtherWords:N0} of others"
            + (report.From is { } from && report.To is { } to ? $", {Date(from)} to {Date(to)}" : ""));
        foreach (var (kind, count) in report.Kinds.OrderByDescending(k => k.Value))
            Console.WriteLine($"  {count,8:N0} {kind.Name()}");
        Console.WriteLine("files");
        foreach (var file in report.Files)
            Console.WriteLine($"  {Shared.Safe(file.Name),-34} {file.Status.ToString().ToLowerInvariant(),-8} {file.Records,8:N0}"
                + (file.Skipped > 0 ? $"  {file.Skipped:N0} skipped" : "") + (file.Reason.Length > 0 ? $"  {Shared.Safe(file.Reason)}" : ""));
        foreach (var warning in report.Warnings)
            Console.WriteLine($"note: {Shared.Safe(warning)}");
    }

    private static string Date(long time) => DateTimeOffset.FromUnixTimeMilliseconds(time).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
}
