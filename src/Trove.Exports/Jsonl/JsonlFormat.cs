using Trove.Exports.Source;

namespace Trove.Exports.Jsonl;

/// <summary>
/// One JSON object a line: what <c>trove records</c> writes, and the shapes in which conversations are kept for training:
/// <code>
/// {"platform":"reddit","kind":"comment","id":"t1_a",…}
/// {"messages":[{"role":"user","content":"Which oar?"},{"role":"assistant","content":"The oak one."}]}
/// {"instruction":"Name the wood","input":"an oar","output":"Oak"}
/// </code>
/// </summary>
internal sealed class JsonlFormat : IExportFormat
{
    private const int HeadsRead = 8;

    public string Platform => JsonlFiles.Platform;

    public string Expects => "files .jsonl of records or conversations";

    /// <summary>A file of the kind whose first line is known, and no more other files than such.</summary>
    public int Recognise(ExportFiles files)
    {
        int known = 0, lines = 0, others = 0;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            if (!JsonlFiles.Is(file))
                others++;
            else if (lines++ < HeadsRead)
                known += JsonlFiles.FirstShape(file) == JsonlShape.None ? 0 : 1;
        }
        return known > 0 && others <= lines ? ExportFormats.Enough : 0;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new JsonlReader(files, options);
}
