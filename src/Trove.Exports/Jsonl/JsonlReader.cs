using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Jsonl;

/// <summary>Reads one JSON object a line. Canonical records come out as they went in, whosever they are.</summary>
internal sealed class JsonlReader(ExportFiles files, ExportOptions options) : ExportReader
{
    private readonly JsonTape _tape = new(options.Limits);
    private bool _told;

    public override string Account => "";

    public override string? WhyIgnored(ExportFile file) => JsonlFiles.Is(file) ? null : "not a file of one JSON object a line";

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => [new JsonlChecks(files, options.Limits).Lines("jsonl.lines")];

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        using var stream = file.Open();
        var lines = new LineReader(stream, options.Limits.JsonValueBytes);
        // The file's name may be a person's: a part of its hash, the same whatever else the member contributes.
        var prefix = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file.Name)).AsSpan(0, 8));
        var turns = new JsonlTurns(options);
        List<Record> records = [];
        while (Next(lines, prefix, turns, records, log))
        {
            if (!_told && records.Exists(record => record.Own && record.Platform == JsonlFiles.Platform))
            {
                _told = true;
                log.Warn("lines of conversations do not say who wrote them: what a user says counts as the account's own; keep out what others wrote");
            }
            foreach (var record in records)
                yield return record;
        }
    }

    /// <summary>The records of the next line, if it has any; false at the end of the file.</summary>
    private bool Next(LineReader lines, string prefix, JsonlTurns turns, List<Record> records, FileLog log)
    {
        records.Clear();
        if (!lines.Read(out var line))
            return false;
        if (JsonlFiles.IsBlank(line))
            return true;
        var where = lines.Number;
        if (lines.IsCut)
        {
            log.Skip($"a line is longer than {options.Limits.JsonValueBytes} bytes", $"line {where}");
        }
        else if (JsonlFiles.IsCanonical(line))
        {
            try
            {
                records.Add(RecordJson.Read(line));
            }
            catch (FormatException e)
            {
                log.Skip(e.Message, $"line {where}");
            }
        }
        else
        {
            var value = _tape.Parse(line);
            var reason = value.ValueKind == JsonValueKind.Undefined ? "a line is no JSON" : turns.Read(value, prefix, where, records);
            if (reason is not null)
                log.Skip(reason, $"line {where}");
        }
        return true;
    }
}
