using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Jsonl;

/// <summary>Do lines agree with each other (specs/exports/jsonl.md)?</summary>
internal sealed class JsonlChecks(ExportFiles files, ExportLimits limits)
{
    /// <summary>Every line of a file has the shape of its first: files that were cut or put together have others.</summary>
    public ExportCheck Lines(string name)
    {
        var tape = new JsonTape(limits);
        long total = 0, other = 0;
        foreach (var file in files.All.Where(file => file.IsReadable && JsonlFiles.Is(file)))
        {
            try
            {
                using var stream = file.Open();
                var lines = new LineReader(stream, limits.JsonValueBytes);
                JsonlShape? first = null;
                while (lines.Read(out var line))
                {
                    if (JsonlFiles.IsBlank(line))
                        continue;
                    var shape = lines.IsCut ? JsonlShape.None : JsonlFiles.ShapeOf(line, tape);
                    first ??= shape;
                    total++;
                    other += shape == JsonlShape.None || shape != first ? 1 : 0;
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                return ExportCheck.Failed(name, $"{Names.Printable(file.Name)} cannot be read: {ExportFile.Reason(e)}");
            }
        }
        return total == 0 ? ExportCheck.Absent(name, "no file has a line")
            : other > 0 ? ExportCheck.Failed(name, $"{other} of {total} lines are of another shape than the first of their file, or of none that is known")
            : ExportCheck.Passed(name, $"{total} lines are of the shape of the first of their file");
    }
}
