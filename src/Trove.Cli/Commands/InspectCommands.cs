using System.Buffers;
using System.CommandLine;
using System.Text;
using System.Text.Json;
using Trove.Chain.Durability;
using Trove.Exports;
using Trove.Node.Queries;

namespace Trove.Cli.Commands;

/// <summary>Looking into exports, offline.</summary>
internal static class InspectCommands
{
    private static Argument<string[]> Files() => new("FILE") { Description = "The export as the platform sent it: a ZIP, several parts, a folder or loose files", Arity = ArgumentArity.OneOrMore };

    public static Command Inspect()
    {
        var (files, choices) = (Files(), new ChoiceOptions());
        var command = new Command("inspect", """
            What is in an export, and what contributing would send of it. Nothing leaves this machine.

            Example: trove inspect takeout-001.zip takeout-002.zip --exclude message --exclude before:2020 --redact mail
            """) { files };
        choices.AddTo(command);
        command.SetAction((r, ct) =>
        {
            var chosen = choices.Read(r);
            using var export = Open(r.GetValue(files)!, chosen.Me);
            var survey = new Survey();
            foreach (var record in Read(export, ct))
            {
                survey.Add(record);
                if (chosen.Exclude.Keeps(record))
                    survey.AddSent(chosen.Redaction.Apply(record));
            }
            if (r.GetValue(Shared.Json))
                Console.Out.WriteLine(ToJson(export.Report, survey));
            else
                InspectPage.Print(Console.Out, export.Report, survey);
            return Task.FromResult(0);
        });
        return command;
    }

    public static Command Records()
    {
        var (files, choices) = (Files(), new ChoiceOptions());
        var to = new Option<string>("--to") { Description = "jsonl (canonical records, one a line), md (Markdown to read, a file for each kind and year) or parquet (for DuckDB, pandas, Spark)", DefaultValueFactory = _ => "jsonl" };
        to.AcceptOnlyFromAmong("jsonl", "md", "parquet");
        var output = new Option<string?>("--out") { Description = "File for jsonl and parquet, folder for md; without it jsonl goes to standard output" };
        var command = new Command("records", """
            An export's records, exactly as contributing would send them.

            Examples: trove records reddit.zip --redact all
                      trove records whatsapp.zip --me "Ada L" --names --to parquet --out chats.parquet
                      trove records notes/ --to md --out archive
            """) { files, to, output };
        choices.AddTo(command);
        command.SetAction((r, ct) =>
        {
            var chosen = choices.Read(r);
            using var export = Open(r.GetValue(files)!, chosen.Me);
            var records = Read(export, ct).Where(chosen.Exclude.Keeps).Select(chosen.Redaction.Apply);
            long count = 0;
            records = records.Select(record =>
            {
                count++;
                return record;
            });
            var path = r.GetValue(output);
            switch (r.GetValue(to))
            {
                case "jsonl" when path is null:
                    using (var lines = Console.OpenStandardOutput())
                        WriteLines(lines, records);
                    break;
                case "jsonl":
                    if (Path.GetFullPath(path).StartsWith("/dev/", StringComparison.Ordinal))
                        throw new CommandException($"{path} is a device, which a file would take the place of", "name a file with --out, or leave it out for standard output");
                    DurableFile.Write(Path.GetFullPath(path), file => WriteLines(file, records));
                    break;
                case "md":
                    MarkdownFiles.Write(path ?? throw new CommandException("Markdown is written into a folder", "name one with --out"), records);
                    break;
                default:
                    ParquetFile.Write(path ?? throw new CommandException("a Parquet file cannot go to standard output", "name a file with --out"), records);
                    break;
            }
            foreach (var warning in export.Report.Warnings)
                Console.Error.WriteLine($"trove: {Shared.Safe(warning)}");
            if (path is not null)
                Console.Error.WriteLine($"{count:N0} records written to {path}");
            return Task.FromResult(0);
        });
        return command;
    }

    /// <summary>Opens an export for reading.</summary>
    public static Export Open(IReadOnlyList<string> files, string me) => Export.Open(files, new ExportOptions { Me = me });

    /// <summary>All records, with progress.</summary>
    private static IEnumerable<Record> Read(Export export, CancellationToken ct)
    {
        using var progress = new Progress();
        long count = 0;
        foreach (var record in export.Records())
        {
            ct.ThrowIfCancellationRequested();
            progress.Report("reading records", ++count, null);
            yield return record;
        }
    }

    private static void WriteLines(Stream stream, IEnumerable<Record> records)
    {
        const int most = 1 << 16;
        var lines = new ArrayBufferWriter<byte>(most);
        foreach (var record in records)
        {
            RecordJson.Write(lines, record);
            if (lines.WrittenCount < most)
                continue;
            stream.Write(lines.WrittenSpan);
            lines.ResetWrittenCount();
        }
        stream.Write(lines.WrittenSpan);
    }

    private static string ToJson(ExportReport report, Survey survey)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            report.WriteJson(json);
            survey.WriteJson(json);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
