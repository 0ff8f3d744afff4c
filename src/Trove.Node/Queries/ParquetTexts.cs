using System.IO.Pipes;
using System.Text.Json;

namespace Trove.Node.Queries;

/// <summary>Titles and texts of records out of a Parquet file such as <see cref="ParquetFile"/> writes, read by DuckDB. Memory does not grow with the number of records.</summary>
public static class ParquetTexts
{
    private const string Memory = "512MB";

    /// <summary>The texts in the file's order.</summary>
    /// <param name="path">Has the columns <c>title</c> and <c>text</c>.</param>
    /// <exception cref="IOException">It is no such file, or cannot be read.</exception>
    public static IEnumerable<(string Title, string Text)> Read(string path)
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.None);
        var writing = Task.Run(() => Write(path, pipe));
        using (var lines = new StreamReader(pipe))
            while (lines.ReadLine() is { } line)
            {
                using var json = JsonDocument.Parse(line);
                yield return (json.RootElement.GetProperty("title").GetString()!, json.RootElement.GetProperty("text").GetString()!);
            }
        try
        {
            writing.GetAwaiter().GetResult();
        }
        catch (DuckDbException e)
        {
            throw new IOException($"{path} cannot be read as records: {e.Message}; make it with 'trove records FILE --to parquet'", e);
        }
    }

    private static void Write(string path, AnonymousPipeServerStream pipe)
    {
        try
        {
            using var database = DuckDb.Open([("threads", "1"), ("memory_limit", Memory), ("temp_directory", ""), ("autoinstall_known_extensions", "false"), ("autoload_known_extensions", "false")]);
            database.Execute($"""
                copy (select coalesce(title, '') as title, coalesce(text, '') as text from read_parquet({Quote(path)}))
                to {Quote($"/dev/fd/{pipe.GetClientHandleAsString()}")} (format json, use_tmp_file false)
                """);
        }
        finally
        {
            pipe.DisposeLocalCopyOfClientHandle(); // ends the lines
        }
    }

    private static string Quote(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
